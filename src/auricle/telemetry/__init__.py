"""What is told of a request: its id, counters and durations, spans and log lines."""
