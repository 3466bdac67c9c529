"""The body of a request, piece by piece: no larger and no slower than it may be.

Knows nothing about what is in it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from auricle.errors import TooLarge, UploadStalled

PERIOD_S: float = 60.0
"""The time in which the least rate must be reached, and in which something must come in any case.
Only what is spent waiting for the client counts."""


async def pieces(request: Request, max_bytes: int, min_bytes_per_s: int) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises:
        TooLarge: it is, or says that it will be.
        UploadStalled: it came too slowly.
        ClientDisconnect: the client left before the end.
    """
    announced = content_length(request)
    if announced > max_bytes:
        raise _too_large(max_bytes, announced)
    receive = _Receiver(request, min_bytes_per_s)
    n_bytes = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        n_bytes += len(piece)
        if n_bytes > max_bytes:
            raise _too_large(max_bytes, n_bytes)
        yield piece
        more = message.get("more_body", False)


def content_length(request: Request) -> int:
    """What the client says it will send, 0 when it does not say."""
    announced = request.headers.get("content-length", "")
    return int(announced) if re.fullmatch(r"[0-9]{1,18}", announced) else 0


class _Receiver:
    """Receives what a client sends, as long as it keeps up the rate."""

    def __init__(self, request: Request, min_bytes_per_s: int) -> None:
        self._request = request
        self._needed_bytes = max(round(min_bytes_per_s * PERIOD_S), 1)
        self._missing_bytes = self._needed_bytes
        self._left_s = PERIOD_S

    async def __call__(self) -> Message:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(self._left_s):
                message = await self._request.receive()
        except TimeoutError as exc:
            raise UploadStalled(
                f"The upload brought less than {self._needed_bytes} bytes in {PERIOD_S:g} seconds."
            ) from exc
        self._left_s -= loop.time() - began_s
        self._missing_bytes -= len(message.get("body", b""))
        if self._missing_bytes <= 0:
            self._missing_bytes, self._left_s = self._needed_bytes, PERIOD_S
        return message


def _too_large(max_bytes: int, n_bytes: int) -> TooLarge:
    return TooLarge(f"Maximum content size limit ({max_bytes}) exceeded ({n_bytes} bytes read)")
