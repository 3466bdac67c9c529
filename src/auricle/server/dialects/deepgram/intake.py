"""Audio of a live socket: bytes of raw samples come in pieces of any size, channels come out.

Knows nothing about sockets or streams.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Protocol

import numpy as np

from auricle.errors import BadMedia
from auricle.live.pcm import Channels, PcmFormat, PcmReader
from auricle.server.dialects.deepgram.sound import Sound, without_header

PIECE_BYTES: Final = 32 * 1024
"""Audio that is taken at a time: what it takes to make samples of it holds up nobody."""

NO_AUDIO: Final = "DATA-0000: what came is not audio of a known kind"


class Intake(Protocol):
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


class RawIntake:
    """Samples without a container."""

    def __init__(self, sound: Sound) -> None:
        self._reader = PcmReader(PcmFormat(sound.samples, sound.rate, sound.n_channels))
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


class NoIntake:
    """Audio that does not say how it is written."""

    async def push(self, data: bytes) -> AsyncIterator[Channels]:
        if data:
            raise BadMedia(NO_AUDIO)
        yield np.zeros((1, 0), np.float32)

    async def finish(self) -> AsyncIterator[Channels]:
        yield np.zeros((1, 0), np.float32)
