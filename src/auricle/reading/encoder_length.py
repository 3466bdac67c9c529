"""How many mel frames the encoder is shown of a window, and how many tokens its text may have.

Knows nothing about engines, queues or other windows: both follow from the window's length alone.

Whisper pads everything to 30 s, and the encoder's cost grows faster than its input: a 6 s clip with
5 s of silence behind it costs a fifth. Too small a margin makes a model miss the end and run away;
how much it needs is a property of the checkpoint (``margin_s`` in the registry, from the table in
``bench/README.md``). Which texts are read again with the full length `fallback` decides.

Why it is so: docs/decisions.md, Decoding.
"""

from __future__ import annotations

from auricle.whisper.dimensions import FRAMES_PER_S, MAX_FRAMES, MAX_NEW_TOKENS

BUCKETS = (1000, 1250, 1500, 1750, 2000, 2500, MAX_FRAMES)
"""Lengths in use: few enough that windows of different requests can be decoded together."""

TOKENS_PER_S = 20
MIN_TOKENS = 20
"""Real speech reaches 14 tokens a second (Hindi; English 6), so only a runaway is cut."""


def n_frames(duration_s: float, margin_s: float) -> int:
    """The smallest bucket with room for the audio and the margin."""
    wanted = (duration_s + margin_s) * FRAMES_PER_S
    return next((bucket for bucket in BUCKETS if bucket >= wanted), MAX_FRAMES)


def max_new_tokens(frames: int, margin_s: float) -> int:
    """The most tokens the audio of a bucket can need; no bound with the full length."""
    if frames == MAX_FRAMES:
        return MAX_NEW_TOKENS
    audio_s = max(0.0, frames / FRAMES_PER_S - margin_s)
    return min(MAX_NEW_TOKENS, round(MIN_TOKENS + TOKENS_PER_S * audio_s))
