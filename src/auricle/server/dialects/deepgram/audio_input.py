"""Audio of a live socket: bytes come in pieces of any size, raw or in a container, and channels
come out.

Knows nothing about sockets or streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final, Protocol

from auricle.errors import AuricleError, BadMedia
from auricle.live.pcm import Channels, PcmFormat, PcmReader
from auricle.media.streaming import ContainerStream
from auricle.server import errors
from auricle.server.dialects.deepgram.opus_packets import OggOpus
from auricle.server.dialects.deepgram.raw_format import RawFormat, without_header
from auricle.types import Pcm

PIECE_BYTES: Final = 32 * 1024
"""Audio that is taken at a time: what it takes to make samples of it holds up nobody."""

MAX_BLOCKS: Final = 100
"""Decoded audio that waits, blocks of 0.1 s; then nothing more is decoded for the moment."""

SNIFFED_BYTES: Final = 4096
"""So much may come before it must be clear what it is."""

_HEADS: Final = (b"RIFF", b"fLaC", b"OggS", b"\x1a\x45\xdf\xa3", b"ID3", b"caff", b"FORM")
"""How files and streams begin: WAV, FLAC, Ogg, WebM and Matroska, mp3, CAF, AIFF."""

NO_AUDIO: Final = "What came is not audio of a known kind."

_log = logging.getLogger(__name__)


class AudioInput(Protocol):
    """Makes channels of what a client sends."""

    def push(self, data: bytes) -> AsyncIterator[Channels]:
        """The samples that ``data`` completes.

        Raises:
            BadMedia: it is no audio.
        """
        ...

    def finish(self) -> AsyncIterator[Channels]:
        """What is left. Raises what `push` does."""
        ...


class RawInput:
    """Samples without a container."""

    def __init__(self, raw_format: RawFormat) -> None:
        self._reader = PcmReader(
            PcmFormat(raw_format.samples, raw_format.rate, raw_format.n_channels)
        )
        self._has_begun = False

    async def push(self, data: bytes) -> AsyncIterator[Channels]:
        if not self._has_begun:
            self._has_begun = True
            data = without_header(data)
        for start in range(0, len(data), PIECE_BYTES):
            yield self._reader.push(data[start : start + PIECE_BYTES])

    async def finish(self) -> AsyncIterator[Channels]:
        if self._has_begun:
            yield self._reader.finish()


class ContainerInput:
    """A container, decoded by somebody else while it is sent. Use `container_input`."""

    def __init__(self, container: ContainerStream) -> None:
        self._container = container
        self._head = b""
        self._is_known = False
        self._is_over = False
        self._decoded: asyncio.Queue[Pcm | AuricleError | None] = asyncio.Queue(MAX_BLOCKS)

    async def push(self, data: bytes) -> AsyncIterator[Channels]:
        if not self._is_known:
            data = self._head = self._head + data
            self._is_known = is_container(data)
            if not self._is_known and len(data) >= SNIFFED_BYTES:
                raise BadMedia(NO_AUDIO)
            if not self._is_known:
                return
        if self._is_over:  # what follows the end of a container is nothing
            return
        writing = asyncio.ensure_future(self._container.write(data))
        async for samples in self._until(writing):
            yield samples

    async def finish(self) -> AsyncIterator[Channels]:
        if self._head and not self._is_known:
            raise BadMedia(NO_AUDIO)
        self._container.end()
        while self._is_known and not self._is_over:
            if (samples := self._taken(await self._decoded.get())) is not None:
                yield samples

    async def decode(self) -> None:
        """Keep what is decoded; for a task of its own."""
        try:
            async for pcm in self._container:
                await self._decoded.put(pcm)
        except AuricleError as exc:
            await self._decoded.put(exc)
        except Exception as exc:  # noqa: BLE001  # the border: somebody waits for what is decoded
            _log.error("a container could not be decoded", exc_info=exc)
            await self._decoded.put(errors.known(exc) or AuricleError("The server had an error."))
        await self._decoded.put(None)

    async def _until(self, writing: asyncio.Future[None]) -> AsyncIterator[Channels]:
        """What is decoded until all is written, and what there is then."""
        try:
            while not (self._is_over or (writing.done() and self._decoded.empty())):
                getting = asyncio.ensure_future(self._decoded.get())
                try:
                    await asyncio.wait((writing, getting), return_when=asyncio.FIRST_COMPLETED)
                    samples = self._taken(getting.result()) if getting.done() else None
                finally:
                    getting.cancel()
                if samples is not None:
                    yield samples
        finally:
            writing.cancel()

    def _taken(self, decoded: Pcm | AuricleError | None) -> Channels | None:
        if isinstance(decoded, AuricleError):
            raise decoded
        self._is_over = decoded is None
        return None if decoded is None else decoded[None]


class PacketInput:
    """Opus packets, one a message, put into a container."""

    def __init__(self, n_channels: int, container: AudioInput) -> None:
        self._ogg = OggOpus(n_channels)
        self._container = container

    async def push(self, data: bytes) -> AsyncIterator[Channels]:
        try:
            page = self._ogg.add(data)
        except BadMedia:
            async for samples in self._container.finish():  # what came before it is heard
                yield samples
            raise
        async for samples in self._container.push(page):
            yield samples

    def finish(self) -> AsyncIterator[Channels]:
        return self._container.finish()


def is_container(head: bytes) -> bool:
    """Whether audio that begins so says how it is written."""
    is_frame = head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0  # mp3, ADTS
    return head.startswith(_HEADS) or head[4:8] == b"ftyp" or is_frame


@contextlib.asynccontextmanager
async def container_input(container: ContainerStream) -> AsyncIterator[ContainerInput]:
    """An input for as long as the context lasts."""
    audio_input = ContainerInput(container)
    decoding = asyncio.create_task(audio_input.decode(), name="container decoding")
    try:
        yield audio_input
    finally:
        decoding.cancel()
        await asyncio.gather(decoding, return_exceptions=True)
