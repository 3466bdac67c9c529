"""Auricle: a speech-to-text server for your own machine that existing clients can point at."""

__version__ = "0.1.0"
