"""Parts of a recording in which one voice is heard, and those in which two are.

Knows nothing about how they are found. Frames are those of `segmentation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auricle.speakers.segmentation import HOP
from auricle.types import SAMPLE_RATE

FRAMES_PER_S = SAMPLE_RATE / HOP


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames ``start`` to ``end`` of the recording, in which one voice is heard."""

    start: int
    end: int
    alone: tuple[tuple[int, int], ...]
    """The frames in which no other voice is: ``(start, end)``, in order."""
    sure_s: float
    """Seconds of those, each frame counted by how sure it is that somebody speaks: 0 where that is
    as probable as not, 1 where it is certain."""

    @property
    def alone_s(self) -> float:
        return sum(end - start for start, end in self.alone) / FRAMES_PER_S


@dataclass(frozen=True, slots=True)
class Overlap:
    """Frames in which two speak, and how much either of them sounds like which stretch."""

    start: int
    end: int
    likeness: dict[int, float] = field(default_factory=dict)
    """Number of a stretch near it → for how many frames its voice is one of the two, added up over
    the chunks."""


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """``(start, end)`` of every run of true frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
