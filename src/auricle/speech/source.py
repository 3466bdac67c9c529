"""Where audio comes from, as those see it who read speech in it: a file, or somebody who speaks
now.

Knows nothing about containers, sockets or windows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.types import AudioTrack, Pcm


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """At most 30 s of audio; chunks follow each other without gap."""

    pcm: Pcm
    speech: NDArray[np.float32]
    """``(ceil(n_samples / 512),)``: probability of speech in each 32 ms; empty if nobody asked."""


class AudioSource(Protocol):
    """Audio as it becomes known. To be iterated over once."""

    @property
    def duration_s(self) -> float:
        """Length of the audio given so far; of all of it after the last chunk."""
        ...

    @property
    def track(self) -> AudioTrack | None:
        """Which of a file's audio tracks it is, once known; None where there is no file."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be read, once the last chunk was given."""
        ...

    def __aiter__(self) -> AsyncIterator[AudioChunk]: ...
