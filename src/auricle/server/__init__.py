"""The HTTP dialects clients speak."""
