"""Damaged bytes on a connection, through the parser and the limits that a server has in front."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator

from tests.fuzz.faults import Bugs, Fault, check_text
from tests.fuzz.mutation import Damage
from tests.fuzz.target import Trial
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime
from tests.server.raw import FORM

TOKENS = (
    b"\r\n", b"\n", b"\r", b"\x00", b"\t", b" ", b":", b"%", b"%zz", b"?", b"#", b"//", b"\xff",
    b"\xe9",    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n",
    b"Content-Length: 99999999999999\r\n",
    b"Content-Length: 5, 6\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Host: b\r\n",
    b"Expect: 100-continue\r\n", b"Range: bytes=0-0\r\n", b"Connection: close\r\n", b"HTTP/1.0",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"Upgrade: h2c\r\n", b"HTTP/2.0", b"GET",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n", b"X" * 9000,
    b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz\r\n", b"0\r\n\r\n",
    b"5;a=b\r\n",
    b"\r\n\r\n", b" folded\r\n", b"Authorization: Bearer \xc3\xa9\r\n", b"ffffffffffffffff\r\n",
)  # fmt: skip
POST = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
KIND = b"Content-Type: multipart/form-data; boundary=XX\r\n"
WHOLE = (
    b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nope?a=b HTTP/1.1\r\nHost: a\r\n\r\n",
    POST + KIND + b"Content-Length: %d\r\n\r\n" % len(FORM) + FORM,
    POST + KIND + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(FORM) + FORM + b"\r\n0\r\n\r\n",
    b"GET /v1/realtime?intent=transcription HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n\x81\x85\x00\x00\x00\x00hello\x88\x80\x00\x00\x00\x00",
)
_STATUS = re.compile(rb"(?:\A|(?<=[}\n]))HTTP/1\.1 (\d{3}) ")


class _Heads:
    def __init__(self, served: Served, bugs: Bugs) -> None:
        self._served = served
        self._bugs = bugs

    async def attempt(self, rng: random.Random) -> str:
        damage = Damage(rng)
        said = damage.data(rng.choice(WHOLE), TOKENS, 3)
        reader, writer = await asyncio.open_connection(*self._served.address)
        try:
            for piece in damage.pieces(said):
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            answer = await reader.read()  # until the server closes, as the client has
        except ConnectionError:
            answer = b""
        finally:
            writer.transport.abort()
        self._served.runtime.asked.clear()
        self._bugs.check()
        return _checked(answer, said)


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Trial]:
    bugs = Bugs()
    with bugs.collected():
        async with serving(FakeRuntime(settings())) as served:
            await served.runtime.started.wait()
            yield _Heads(served, bugs)


def _checked(answer: bytes, said: bytes) -> str:
    statuses = [int(each) for each in _STATUS.findall(answer)]
    if any(status >= 500 for status in statuses):
        raise Fault(f"answered {max(statuses)}: {answer[-300:]!r}")
    check_text(answer.decode("latin-1"), said.decode("latin-1"))
    return " ".join(map(str, statuses[:3])) or "nothing"
