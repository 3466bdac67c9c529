"""The recent audio of a stream, as the chunks it came in.

Knows nothing about what is said in it.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from auricle.types import SAMPLE_RATE, Pcm


class RecentAudio:
    """The end of a growing stream; times are seconds since it began."""

    def __init__(self) -> None:
        self._n_total = 0
        self._chunks: deque[tuple[int, Pcm]] = deque()

    @property
    def now_s(self) -> float:
        """How much was received."""
        return self._n_total / SAMPLE_RATE

    @property
    def held_s(self) -> float:
        return sum(len(pcm) for _, pcm in self._chunks) / SAMPLE_RATE

    def append(self, pcm: Pcm) -> None:
        if len(pcm):
            self._chunks.append((self._n_total, pcm))
            self._n_total += len(pcm)

    def between(self, start_s: float, stop_s: float) -> Pcm:
        """A copy of what was received in between, as far as it is held."""
        start, stop = _sample(start_s), _sample(stop_s)
        parts = [pcm[max(start - at, 0) : max(stop - at, 0)] for at, pcm in self._chunks]
        return np.concatenate(parts, dtype=np.float32) if parts else np.zeros(0, np.float32)

    def drop_before(self, start_s: float) -> None:
        """Let go of the chunks that end before."""
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][1]) <= _sample(start_s):
            self._chunks.popleft()


def _sample(seconds: float) -> int:
    return max(0, round(seconds * SAMPLE_RATE))
