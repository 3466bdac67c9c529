"""Voices told apart while they speak: the next stretch is somebody heard before, or somebody new.

Knows nothing about audio. What was said of a stretch is never taken back; labels count up in order
of arrival and stay what they are for as long as the session lasts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auricle.speakers.embedding import DIMENSIONS

SAME = 0.45
"""Cosine to the mean of a voice's embeddings from which a stretch is hers."""

NEW_S = 1.0
"""Speech that a stretch must have to be somebody new; a shorter one goes to the most similar."""

UNLIKE = 0.2
UNLIKE_S = 0.6
"""But for one of so much speech at least that is less like all of them than this."""

MAX_VOICES = 32
"""More are not told apart: whoever comes then is the most similar one."""


class LiveVoices:
    """The voices of one session so far."""

    def __init__(self, at_most: int = MAX_VOICES) -> None:
        self._at_most = min(at_most, MAX_VOICES)
        self._sums: list[NDArray[np.float64]] = []

    def label(self, embedding: NDArray[np.float32], duration_s: float) -> int:
        """Who speaks in a stretch of ``duration_s``: a number, 0 for whoever came first."""
        if self._sums:
            means = np.stack([each / np.linalg.norm(each) for each in self._sums])
            cosines = means @ embedding
            nearest = int(cosines.argmax())
            is_new = (cosines[nearest] < SAME and duration_s >= NEW_S) or (
                cosines[nearest] < UNLIKE and duration_s >= UNLIKE_S
            )
            if not is_new or len(self._sums) >= self._at_most:
                if cosines[nearest] >= SAME:
                    self._sums[nearest] += embedding * duration_s
                return nearest
        self._sums.append(embedding.astype(np.float64) * duration_s)
        return len(self._sums) - 1

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """``(n_voices, 192)``, each of length 1."""
        means = [each / np.linalg.norm(each) for each in self._sums]
        return np.array(means, np.float32).reshape(len(means), DIMENSIONS)
