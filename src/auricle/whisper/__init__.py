"""All that is Whisper's: features, vocabulary, prompts, timestamp tokens, word alignment."""
