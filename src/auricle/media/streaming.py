"""One container that is decoded by a child while it is sent.

Knows nothing about how children are kept, or what is in a container.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Protocol

import numpy as np

from auricle.errors import AuricleError, Unavailable
from auricle.media.decoder import Decoder
from auricle.media.protocol import Chunk, Close, Closed, Next, Open
from auricle.rpc.child import ChildDied
from auricle.types import Pcm


class ContainerStream(Protocol):
    """Bytes of a container go in, its audio comes out: one task writes, another iterates, once."""

    async def write(self, data: bytes) -> None:
        """Send more. Waits while the decoder is behind."""
        ...

    def end(self) -> None:
        """There is no more."""
        ...

    def __aiter__(self) -> AsyncIterator[Pcm]:
        """Blocks of 0.1 s, as they are decoded, until the end.

        Raises:
            BadMedia: it is not audio.
            Unavailable: the decoder ended.
        """
        ...


class StreamDecoder:
    """A `ContainerStream`. For `DecoderPool.open_stream`, which gives the child back."""

    def __init__(self, decoder: Decoder, request: Open) -> None:
        self._decoder = decoder
        self._request = request
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)

    async def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # why nobody reads it any more, iteration tells
            await asyncio.get_running_loop().sock_sendall(self._ours, data)

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_WR)

    async def __aiter__(self) -> AsyncIterator[Pcm]:
        try:
            await self._decoder.open_stream(self._request, self._theirs.fileno())
            while (chunk := await self._decoder.call(Next(), Chunk)).ending is None:
                yield np.frombuffer(chunk.pcm, "<f4")
        except ChildDied as exc:
            raise Unavailable(f"The audio could not be decoded: the {exc}.") from exc

    async def aclose(self) -> None:
        """Make the child ready for others, or end it."""
        self._ours.close()
        self._theirs.close()
        try:
            if self._decoder.usable:
                await self._decoder.call(Close(), Closed)
        except (ChildDied, AuricleError):
            self._decoder.kill()
