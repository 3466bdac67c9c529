"""What is heard while somebody speaks, whoever makes text of it.

Knows nothing about sockets or models. Times are seconds since the sound began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from auricle.types import Pcm, Segment, Word


@dataclass(frozen=True, slots=True)
class Caption:
    """The text of what is being said: ``committed`` never changes, ``tentative`` may."""

    committed: str
    tentative: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said in one turn, once it is over."""

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()
    language: str | None = None

    @property
    def segment(self) -> Segment:
        """As a transcript has it."""
        return Segment(
            start_s=self.start_s,
            end_s=self.end_s,
            text=f" {self.text}",
            tokens=(),
            temperature=0.0,
            avg_logprob=0.0,
            compression_ratio=1.0,
            no_speech_prob=0.0,
            words=self.words or None,
        )


@dataclass(frozen=True, slots=True)
class Note:
    """Something that went wrong, and did not end it all."""

    message: str


Heard: TypeAlias = Caption | Said | Note


class Speech(Protocol):
    """`send` and `finish` are for one task; another iterates over it, once. That ends after the
    last `Said`, once `finish` was called."""

    async def send(self, pcm: Pcm) -> None:
        """More sound, 16 kHz. Waits while there is too much that was not followed."""
        ...

    async def finish(self) -> None:
        """There is no more."""
        ...

    def __aiter__(self) -> AsyncIterator[Heard]: ...
