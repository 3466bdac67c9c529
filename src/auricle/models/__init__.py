"""Which Whisper checkpoints exist, where their files are, and how they get there."""
