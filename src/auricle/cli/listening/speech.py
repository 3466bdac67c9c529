"""What is heard while somebody speaks, whoever makes text of it.

Knows nothing about sockets or models. Times are seconds since the sound began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol, TypeAlias

import msgspec

from auricle.types import Pcm, Segment, Word


@dataclass(frozen=True, slots=True)
class Caption:
    """The text of what is being said: ``committed`` never changes, ``tentative`` may."""

    committed: str
    tentative: str = ""


@dataclass(frozen=True, slots=True)
class FinishedTurn:
    """What was said in one turn, once it is over."""

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()
    language: str | None = None

    @property
    def segments(self) -> tuple[Segment, ...]:
        """As a transcript has it: one, or one for each time that another one speaks."""
        if not any(word.speaker for word in self.words):
            return (_segment(self.start_s, self.end_s, f" {self.text}", self.words),)
        runs = (tuple(run) for _, run in groupby(self.words, key=lambda word: word.speaker))
        return tuple(
            _segment(run[0].start_s, run[-1].end_s, f" {_joined(run)}", run) for run in runs
        )


def _joined(words: Iterable[Word]) -> str:
    return "".join(word.text for word in words).strip()


def _begun(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words with a space before the first, as those of a transcript: they are its text then,
    and their times those of its subtitles."""
    if not words or words[0].text.startswith(" "):
        return words
    return (msgspec.structs.replace(words[0], text=f" {words[0].text}"), *words[1:])


def _segment(start_s: float, end_s: float, text: str, words: tuple[Word, ...]) -> Segment:
    return Segment(
        start_s=start_s,
        end_s=end_s,
        text=text,
        tokens=(),
        temperature=0.0,
        avg_logprob=0.0,
        compression_ratio=1.0,
        no_speech_prob=0.0,
        words=_begun(words) or None,
        speaker=words[0].speaker if words else None,
    )


@dataclass(frozen=True, slots=True)
class Note:
    """Something that went wrong, and did not end it all."""

    message: str


SpeechEvent: TypeAlias = Caption | FinishedTurn | Note


class Speech(Protocol):
    """`send` and `finish` are for one task; another iterates over it, once. That ends after the
    last `FinishedTurn`, once `finish` was called."""

    async def send(self, pcm: Pcm) -> None:
        """More sound, 16 kHz. Waits while there is too much that was not followed."""
        ...

    async def finish(self) -> None:
        """There is no more."""
        ...

    def __aiter__(self) -> AsyncIterator[SpeechEvent]: ...


def spoken(words: Iterable[Word]) -> str:
    """The words, with the speaker before the first of each, where there are any."""
    parts: list[str] = []
    speaker: str | None = None
    for word in words:
        if word.speaker in (None, speaker):
            parts.append(word.text)
        else:
            speaker = word.speaker
            parts.append(f" {speaker}: {word.text.lstrip()}")
    return "".join(parts)
