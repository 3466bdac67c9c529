"""Finding a text with a network that says what may follow: search, Whisper's rules, word times."""
