"""A client that sends what it is told to, byte by byte, and reads answers as they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tests.server.conftest import Served

FORM = (
    b'--XX\r\nContent-Disposition: form-data; name="model"\r\n\r\nbase\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\naudio\r\n'
    b"--XX--\r\n"
)


def get(path: str = "/v1/models", *, version: str = "1.1", more: str = "") -> bytes:
    return f"GET {path} HTTP/{version}\r\nHost: localhost\r\n{more}\r\n".encode()


def post(body: bytes = FORM, *, version: str = "1.1", more: str = "") -> bytes:
    """A transcription; ``more`` are header lines, in place of its length if they begin with it."""
    length = "" if "Transfer-Encoding" in more else f"Content-Length: {len(body)}\r\n"
    head = (
        f"POST /v1/audio/transcriptions HTTP/{version}\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary=XX\r\n{length}{more}\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> Any:
        return json.loads(self.body)["error"]


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        """The next final answer, which says its length; interim ones are skipped."""
        status = 100
        while status == 100:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip().split("\r\n")
            status = int(first.split(" ")[1])
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        body = await self._reader.readexactly(int(headers["content-length"]))
        return Answer(status, headers, body)

    async def rest(self) -> bytes:
        """All that comes until the server closes its side; nothing if it was reset."""
        with contextlib.suppress(ConnectionResetError):
            return await self._reader.read()
        return b""


@contextlib.asynccontextmanager
async def connected(served: Served) -> AsyncIterator[RawClient]:
    reader, writer = await asyncio.open_connection(*served.address)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
