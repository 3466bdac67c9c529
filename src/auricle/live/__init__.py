"""Live speech: pcm as it comes in, committed and tentative words as they are known."""
