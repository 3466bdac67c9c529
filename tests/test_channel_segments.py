"""Channels that are speakers: read one after the other, put together by time."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from auricle.channel_segments import ChannelTranscription, by_channel
from auricle.errors import InvalidRequest
from auricle.segment_stream import collect
from auricle.types import AudioTrack, Language, Segment, Speaker, Word


def said(text: str, start_s: float, end_s: float) -> Segment:
    words = (Word(f" {text}", start_s, end_s, 0.5),)
    return Segment(start_s, end_s, f" {text}", (), 0.0, -0.2, 1.2, 0.01, 0, words)


@dataclass
class FakeChannel:
    segments: list[Segment]
    n_channels: int
    language: Language | None = None
    task: str = "transcribe"
    duration_s: float = 9.0
    warnings: tuple[str, ...] = ("It ends early.",)

    @property
    def track(self) -> AudioTrack | None:
        return AudioTrack(1, 1, n_channels=self.n_channels) if self.n_channels else None

    async def __aiter__(self) -> AsyncIterator[Segment]:
        for segment in self.segments:
            yield segment


class File:
    """Channels by number; at most one is open."""

    def __init__(self, *channels: list[Segment], n_channels: int | None = None) -> None:
        n = len(channels) if n_channels is None else n_channels
        self.channels = [FakeChannel(segments, n) for segments in channels]
        self.opened: list[int] = []
        self.n_open = 0

    @contextlib.asynccontextmanager
    async def open(self, channel: int) -> AsyncIterator[Any]:
        self.opened.append(channel)
        self.n_open += 1
        assert self.n_open == 1
        yield self.channels[channel]
        self.n_open -= 1


@contextlib.asynccontextmanager
async def reading(file: File) -> AsyncIterator[ChannelTranscription]:
    async with by_channel(file.open) as stream:
        yield stream
    assert file.n_open == 0


async def test_channels_are_speakers_in_the_order_of_time():
    left = [said("Is it late?", 0.0, 1.5), said("Thanks.", 4.0, 5.0)]
    file = File(left, [said("Not yet.", 2.0, 3.0)])
    file.channels[1].language = Language("en")
    async with reading(file) as stream:
        transcript = await collect(stream)
    assert [(each.speaker, each.text) for each in transcript.segments] == [
        ("A", " Is it late?"),
        ("B", " Not yet."),
        ("A", " Thanks."),
    ]
    assert [word.speaker for word in transcript.words] == ["A", "B", "A"]
    assert transcript.speakers == (Speaker("A", False, 2.5), Speaker("B", False, 1.0))
    assert (transcript.language, transcript.duration_s) == (Language("en"), 9.0)
    assert transcript.warnings == ("It ends early.",)
    assert file.opened == [0, 1]


async def test_a_silent_channel_is_nobody_and_keeps_its_letter():
    async with reading(File([], [said("Hm.", 0.0, 1.0)])) as stream:
        parts = [part async for part in stream.parts()]
        names = [each.name for each in (stream.speakers or ())]
    assert names == ["B"]
    assert [(read and read.text, [each.speaker for each in whole]) for read, whole in parts] == [
        (" Hm.", ["B"])
    ]


@pytest.mark.parametrize("n_channels", [0, 1])
async def test_one_channel(n_channels: int):
    async with reading(File([said("Hm.", 0.0, 1.0)], n_channels=n_channels)) as stream:
        assert [each.speaker async for each in stream] == ["A"]


async def test_too_many_channels():
    async with reading(File([], n_channels=21)) as stream:
        with pytest.raises(InvalidRequest, match="21 channels; at most 20 are read separately"):
            await collect(stream)
