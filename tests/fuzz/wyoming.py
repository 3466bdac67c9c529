"""Damaged streams of Wyoming's events, to a connection that is served as if over TCP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Iterable
from typing import Any

from auricle.server.transport.in_flight import InFlight
from auricle.server.wyoming.connection import Connection
from auricle.server.wyoming.wire import MAX_LINE_BYTES
from tests.fuzz.faults import Bugs, Fault, check_text
from tests.fuzz.mutation import Damage
from tests.fuzz.target import Trial
from tests.server.conftest import settings
from tests.server.fakes import FakeRuntime

FORMAT = {"rate": 16000, "width": 2, "channels": 1}
EVENTS: tuple[tuple[str, dict[str, Any], bytes], ...] = (
    ("describe", {}, b""),
    ("ping", {"text": "a"}, b""),
    ("transcribe", {"name": "base", "language": "en", "context": {}}, b""),
    ("audio-start", FORMAT, b""),
    ("audio-chunk", FORMAT, bytes(640)),
    ("audio-stop", {"timestamp": 5}, b""),
    ("voice-started", {}, b""),
)


class Writer:
    """What a connection writes to."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.transport = self

    def abort(self) -> None: ...

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, lines: Iterable[bytes]) -> None:
        self.written += b"".join(lines)

    async def drain(self) -> None: ...

    def write_eof(self) -> None: ...

    def close(self) -> None: ...

    async def wait_closed(self) -> None: ...


class _Wyoming:
    def __init__(self, bugs: Bugs) -> None:
        self._runtime = FakeRuntime(settings())
        self._runtime.state = "ready"
        self._bugs = bugs

    async def attempt(self, rng: random.Random) -> str:
        said = stream(Damage(rng))
        reader: Any = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        reader.feed_data(said)
        reader.feed_eof()
        writer: Any = Writer()
        await Connection(self._runtime, InFlight(), reader, writer, "somebody").serve()
        self._runtime.lives.clear()
        self._bugs.check()
        return answered(bytes(writer.written), said)


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Trial]:
    bugs = Bugs()
    with bugs.collected():
        yield _Wyoming(bugs)


def stream(damage: Damage) -> bytes:
    rng = damage.rng
    said = b"".join(_event(damage, *rng.choice(EVENTS)) for _ in range(rng.randint(1, 8)))
    return damage.data(said) if rng.random() < 0.3 else said


def _event(damage: Damage, kind: str, data: dict[str, Any], payload: bytes) -> bytes:
    rng = damage.rng
    if rng.random() < 0.3:
        data = damage.value(data)
    head: dict[str, Any] = {"type": kind}
    body = b""
    if rng.random() < 0.5:
        head["data"] = data
    else:
        body = json.dumps(data).encode()
        head["data_length"] = len(body)
    if payload:
        head["payload_length"] = len(payload)
    if rng.random() < 0.2:
        head = damage.value(head)
    return json.dumps(head).encode() + b"\n" + body + payload


def answered(written: bytes, said: bytes) -> str:
    """The last event; all of them must be ones."""
    check_text(written.decode(), said.decode("latin-1"))
    last, rest = "nothing", written
    while rest:
        line, _, rest = rest.partition(b"\n")
        head = json.loads(line)
        length = head.get("data_length", 0)
        if len(rest) < length:
            raise Fault("an event that is not whole")
        last, rest = head["type"], rest[length:]
    return str(last)
