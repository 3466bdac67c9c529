"""Voices told apart while they speak: the next stretch is somebody heard before, or somebody new.

Knows nothing about audio. What was said of a stretch is never taken back; labels count up in order
of arrival and stay what they are for as long as the session lasts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auricle.speakers.clustering import reliability
from auricle.speakers.embedding import DIMENSIONS

SAME = 0.5
"""Similarity, as in `clustering`, from which a stretch is of a voice heard before. It is lower than
there, because what is said of the first stretches cannot be mended."""

NEW_S = 0.6
"""Speech that a stretch must have to be somebody new; a shorter one goes to the most similar."""

MAX_VOICES = 32
"""More are not told apart: whoever comes then is the most similar one."""


class LiveVoices:
    """The voices of one session so far."""

    def __init__(self, at_most: int = MAX_VOICES) -> None:
        self._at_most = min(at_most, MAX_VOICES)
        self._sums: list[NDArray[np.float64]] = []
        self._weights: list[float] = []

    def label(self, embedding: NDArray[np.float32], duration_s: float) -> int:
        """Who speaks in a stretch of ``duration_s``: a number, 0 for whoever came first."""
        trust = float(reliability(np.array(duration_s)))
        added = embedding.astype(np.float64) * duration_s
        if self._sums:
            similar = np.stack(self._sums) @ embedding / (np.array(self._weights) * trust)
            nearest = int(similar.argmax())
            is_same = similar[nearest] >= SAME
            if is_same:
                self._sums[nearest] += added
                self._weights[nearest] += duration_s * trust
            if is_same or duration_s < NEW_S or len(self._sums) >= self._at_most:
                return nearest
        self._sums.append(added)
        self._weights.append(duration_s * trust)
        return len(self._sums) - 1

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """``(n_voices, 192)``, each of length 1."""
        means = [each / np.linalg.norm(each) for each in self._sums]
        return np.array(means, np.float32).reshape(len(means), DIMENSIONS)
