"""The numbers every Whisper checkpoint has in common, each once.

Knows nothing about one checkpoint: what differs stands in its files, or in the registry of models.
"""

from __future__ import annotations

from auricle.types import SAMPLE_RATE

WINDOW_S = 30.0
"""The audio the encoder was trained on, and the most it takes."""

HOP_SAMPLES = 160
"""From one mel frame to the next."""

FRAMES_PER_S = SAMPLE_RATE // HOP_SAMPLES

MAX_FRAMES = 3000
"""Mel frames of a whole window."""

FRAMES_PER_STATE = 2
"""The encoder's second convolution halves their number."""

SECONDS_PER_STATE = FRAMES_PER_STATE / FRAMES_PER_S
"""The resolution of the encoder's states, of attention to them and of timestamp tokens: 0.02 s.
No word and no segment is shorter, if there is room for it."""

MAX_POSITIONS = 448
"""Tokens the decoder can see: the prompt, what starts a transcript, and the transcript."""

MAX_NEW_TOKENS = MAX_POSITIONS // 2
"""Tokens of a transcript at most, as in openai-whisper."""

MAX_INITIAL_TIMESTAMP = 50
"""The first timestamp token is at most that one: 1 s into the window, as in openai-whisper."""
