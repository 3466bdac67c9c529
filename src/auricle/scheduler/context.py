"""How many mel frames the encoder is shown of a window, and whether that may be fewer than 30 s.

Knows nothing about engines or queues.

Whisper pads everything to 30 s, and the encoder's cost grows faster than its input: a 6 s clip with
5 s of silence behind it costs a fifth. Too small a margin makes a model miss the end and run away;
how much it needs is a property of the checkpoint (``margin_s`` in the registry, from the table in
``bench/README.md``). Texts that look wrong are decoded again with the full context, and a model for
which that happens too often loses the privilege for a while.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

FRAMES_PER_S = 100
FULL_FRAMES = 3000

BUCKETS = (1000, 1250, 1500, 1750, 2000, 2500, FULL_FRAMES)
"""Lengths in use: few enough that windows of different requests can be decoded together."""

MAX_CURED = 0.10
MIN_SAMPLE = 50
"""Windows to see before a share of them says anything."""

MEMORY = 400
"""Windows after which what was seen before counts half."""

PAUSE = 500
"""Windows read in full before a short context is tried again: it may have been the recordings."""

MAX_NEW_TOKENS = 224

logger = logging.getLogger(__name__)

_TOKENS_PER_S = 20
_TOKENS_AT_LEAST = 20
"""Real speech reaches 14 tokens a second (Hindi; English 6), so only a runaway is cut."""


def n_frames(duration_s: float, margin_s: float) -> int:
    """The smallest bucket with room for the audio and the margin."""
    wanted = (duration_s + margin_s) * FRAMES_PER_S
    return next((bucket for bucket in BUCKETS if bucket >= wanted), FULL_FRAMES)


def max_new_tokens(frames: int, margin_s: float) -> int:
    """The most tokens the audio of a bucket can need; no bound with the full context."""
    if frames == FULL_FRAMES:
        return MAX_NEW_TOKENS
    audio_s = max(0.0, frames / FRAMES_PER_S - margin_s)
    return min(MAX_NEW_TOKENS, round(_TOKENS_AT_LEAST + _TOKENS_PER_S * audio_s))


@dataclass(slots=True)
class ContextGuard:
    """Counts how often a short context failed; too large a share ends the shortening for a while:
    a client that sends odd recordings must not cost all others their speed for ever.

    What counts is how many windows the full context cured. A language the model does not know is
    as doubtful with 30 s of context as with 10.
    """

    margin_s: float
    n_short: int = 0
    n_retried: int = 0
    n_cured: int = 0
    n_spared: int = 0
    """Windows read in full since the shortening ended."""

    @property
    def retried(self) -> float:
        """Share of the windows with a short context that were read again in full; a metric."""
        return self.n_retried / self.n_short if self.n_short else 0.0

    @property
    def allows_short(self) -> bool:
        return self.n_short < MIN_SAMPLE or self.n_cured <= MAX_CURED * self.n_short

    def note(self, used: int, wanted: int, *, is_new: bool, is_cured: bool = False) -> None:
        """A text came from ``used`` frames and its window now wants ``wanted``; ``is_new``: it
        was the window's first attempt; ``is_cured``: it makes sense, unlike that from fewer."""
        was_allowed = self.allows_short
        if used == FULL_FRAMES:
            self.n_cured += is_cured
        else:
            if is_new and self.n_short >= MEMORY:
                self.n_short //= 2
                self.n_retried //= 2
                self.n_cured //= 2
            self.n_short += is_new
            self.n_retried += wanted == FULL_FRAMES
        if was_allowed and not self.allows_short:
            logger.warning(
                "windows get the full audio context for a while: it made sense of %d of %d that "
                "less did not",
                self.n_cured,
                self.n_short,
            )

    def frames_for(self, duration_s: float) -> int:
        """The frames to encode a new window with."""
        frames = n_frames(duration_s, self.margin_s)
        if frames == FULL_FRAMES or self.allows_short:
            return frames
        self.n_spared += 1
        if self.n_spared == PAUSE:
            self.n_short = self.n_retried = self.n_cured = self.n_spared = 0
        return FULL_FRAMES
