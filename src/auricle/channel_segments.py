"""A recording whose channels are its speakers: each is transcribed by itself, segments are put
together by their times.

Knows nothing about voices or how a channel is transcribed. Channels are read one after the other,
so segments come when all are read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from auricle.errors import InvalidRequest
from auricle.segment_stream import ReadPart
from auricle.speakers.labels import letter
from auricle.transcribe import Transcription
from auricle.types import AudioTrack, Language, Segment, Speaker, Task

MAX_CHANNELS = 20

OpenChannel = Callable[[int], AbstractAsyncContextManager[Transcription]]
"""A channel, from 0. Raises what `Opening.channel` raises."""


@dataclass(slots=True)
class ChannelTranscription:
    """A `SegmentStream`; its first channel is open."""

    _open: OpenChannel
    _now: Transcription
    _opened: AsyncExitStack
    speakers: tuple[Speaker, ...] | None = None
    """The channels in which somebody speaks, once iteration has ended."""
    language: Language | None = None
    """That of the first channel with speech."""
    _segments: list[Segment] = field(default_factory=list)

    @property
    def task(self) -> Task:
        return self._now.task

    @property
    def duration_s(self) -> float:
        return self._now.duration_s

    @property
    def track(self) -> AudioTrack | None:
        return self._now.track

    @property
    def warnings(self) -> tuple[str, ...]:
        return self._now.warnings

    async def __aiter__(self) -> AsyncIterator[Segment]:
        n_channels = 1 if self.track is None else self.track.n_channels
        if n_channels > MAX_CHANNELS:
            raise InvalidRequest(
                f"The recording has {n_channels} channels; at most {MAX_CHANNELS} are read "
                "separately.",
                param="channels",
                code="invalid_value",
            )
        for channel in range(n_channels):
            if channel:
                await self._opened.aclose()
                self._now = await self._opened.enter_async_context(self._open(channel))
            await self._read(letter(channel))
        self.speakers = _speakers(self._segments)
        for segment in sorted(self._segments, key=lambda each: each.start_s):
            yield segment

    async def parts(self, *, early: bool = False) -> AsyncIterator[ReadPart]:
        """Each segment is whole when its text is told; nothing is known ahead of the others."""
        async for segment in self:
            yield segment, (segment,)

    async def _read(self, name: str) -> None:
        async for segment in self._now:
            words = tuple(msgspec.structs.replace(w, speaker=name) for w in segment.words or ())
            self._segments.append(
                msgspec.structs.replace(
                    segment, speaker=name, words=None if segment.words is None else words
                )
            )
        self.language = self.language or self._now.language


@asynccontextmanager
async def by_channel(open_channel: OpenChannel) -> AsyncIterator[ChannelTranscription]:
    """The channels of a recording. Raises what `Opening.channel` raises."""
    async with AsyncExitStack() as opened:
        first = await opened.enter_async_context(open_channel(0))
        yield ChannelTranscription(open_channel, first, opened)


def _speakers(segments: list[Segment]) -> tuple[Speaker, ...]:
    seconds: dict[str, float] = {}
    for segment in segments:
        assert segment.speaker is not None
        spoken_s = segment.end_s - segment.start_s
        seconds[segment.speaker] = seconds.get(segment.speaker, 0.0) + spoken_s
    return tuple(Speaker(name, False, spoken_s) for name, spoken_s in sorted(seconds.items()))
