"""Measuring a speech-to-text server from outside: load, latency, accuracy, resources."""
