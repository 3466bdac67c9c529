"""Segments of a recording as they become known: what streams of them have in common.

Knows nothing about how they are found.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from auricle.types import AudioTrack, Language, Segment, Speaker, Task, Token, Transcript


class EarlyWords(NamedTuple):
    """What the next segments will say, as far as that is known; it is never taken back."""

    text: str
    tokens: tuple[Token, ...] = ()
    """Of all of the text, with their log-probabilities, where these are known."""


ReadPart: TypeAlias = tuple[Segment | EarlyWords | None, tuple[Segment, ...]]


class SegmentStream(Protocol):
    """Segments of a recording, to be iterated over once, in order, as they become known."""

    @property
    def task(self) -> Task: ...

    @property
    def language(self) -> Language | None:
        """Known when the first segment comes; None for a recording without speech."""
        ...

    @property
    def duration_s(self) -> float:
        """Of the recording; known once iteration has ended."""
        ...

    @property
    def track(self) -> AudioTrack | None:
        """Which audio track is read; certain once iteration has ended."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be read, once iteration has ended."""
        ...

    @property
    def speakers(self) -> tuple[Speaker, ...] | None:
        """Who speaks, once iteration has ended; None: nobody asked."""
        ...

    def __aiter__(self) -> AsyncIterator[Segment]: ...

    def parts(self, *, early: bool = False) -> AsyncIterator[ReadPart]:
        """Instead of iterating: each segment as it is read, with those that are known whole by
        then. Where speakers were asked for, that may be later; at the end None comes with the
        rest. ``early``: what is known of the next segments comes ahead of them, word by word, where
        the engine tells. Times of words come with their segments."""
        ...


async def collect(transcription: SegmentStream) -> Transcript:
    """The whole transcript, once its last segment is there."""
    return transcript_of(transcription, [segment async for segment in transcription])


def transcript_of(transcription: SegmentStream, segments: Sequence[Segment]) -> Transcript:
    """All that is known once iteration has ended, with the segments it gave."""
    return Transcript(
        transcription.task,
        transcription.language,
        transcription.duration_s,
        tuple(segments),
        transcription.track,
        transcription.warnings,
        transcription.speakers,
    )
