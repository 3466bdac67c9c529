"""A container that is read while it is sent: its audio as 16 kHz mono, in short blocks.

Knows nothing about who sends it. Runs inside a decoder child. Times in the container count for
nothing: the stream is what was sent of it.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from auricle.media.convert import Converter, frame_format
from auricle.media.limits import check_format, undecodable
from auricle.media.protocol import Chunk, Ending, Opened
from auricle.media.source import only, opened
from auricle.types import AudioTrack, Pcm

BLOCK_S: Final = 0.1
"""Audio that is given at a time."""

WAIT_S: Final = 1.0
"""How long it is waited for bytes before a sign of life is given."""

PROBING: Final[Mapping[str, str]] = {"probesize": "32768", "analyzeduration": "500000"}
"""How much of it is looked at before its audio is given, bytes and microseconds."""

MAX_ERRORS: Final = 32
"""Reads in a row that fail, after which it counts as ended."""


class Pipe:
    """The reading end of a pipe or socket, whose descriptor it owns. ``report`` is called while
    nothing comes."""

    def __init__(self, descriptor: int, report: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._report = report

    def read(self, n_bytes: int, /) -> bytes:
        """What has come, at most so much; nothing at the end."""
        while not select.select([self._descriptor], [], [], WAIT_S)[0]:
            self._report()
        self._report()
        return os.read(self._descriptor, n_bytes)

    def close(self) -> None:
        os.close(self._descriptor)


class StreamedMedia:
    """An open stream. Raises `BadMedia` when it has no audio track that can be decoded."""

    def __init__(self, pipe: Pipe) -> None:
        self._container, found = opened(pipe, None, probing=PROBING)
        self._stream = only(found[0])

    @property
    def track(self) -> AudioTrack:
        return AudioTrack(1, 1)

    def close(self) -> None:
        self._container.close()

    def blocks(self) -> Iterator[Pcm]:
        """The audio as it comes. Raises `BadMedia` where nothing of it can be decoded."""
        converter: Converter | None = None
        n_blocks = 0
        for frame in self._frames():
            if converter is not None and converter.format != frame_format(frame):
                yield from converter.finish()
                converter = None
            if converter is None:
                check_format(frame.sample_rate, frame.layout.nb_channels)
                converter = Converter(frame, block_s=BLOCK_S)
            for block in converter.push(frame):
                n_blocks += 1
                yield block
        if converter is not None:
            yield from converter.finish()
        elif not n_blocks:
            raise undecodable()

    def _frames(self) -> Iterator[AudioFrame]:
        n_errors = 0
        while n_errors < MAX_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    yield from self._decoded(packet)
                    n_errors = 0
                return
            except (av.FFmpegError, IndexError):  # PyAV: packet of a stream it has not seen yet
                n_errors += 1

    def _decoded(self, packet: Packet[AudioStream]) -> list[AudioFrame]:
        try:
            frames: list[AudioFrame] = self._stream.decode(packet)
        except av.FFmpegError:
            return []
        return frames


class OpenStream:
    """A stream that is read while it is sent. Chunks are short, and nobody has listened to them."""

    def __init__(self, descriptor: int, report: Callable[[], None]) -> None:
        self._pipe = Pipe(descriptor, report)
        try:
            self._media = StreamedMedia(self._pipe)
        except BaseException:
            self._pipe.close()
            raise
        self._blocks = self._media.blocks()

    def opened(self) -> Opened:
        return Opened(self._media.track)

    def next(self) -> Chunk:
        block = next(self._blocks, None)
        if block is None:
            return Chunk(b"", b"", Ending(self._media.track, ()))
        return Chunk(block.astype("<f4", copy=False).tobytes(), b"")

    def close(self) -> None:
        self._media.close()
        self._pipe.close()
