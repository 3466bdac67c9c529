"""A client that writes events by hand, and a server for it on a runtime without a model."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import numpy as np

from auricle.live.effects import Effect, Final, LiveWord, Update
from auricle.server.transport import listeners
from auricle.server.transport.in_flight import InFlight
from auricle.server.wyoming.listener import WyomingListener
from auricle.types import Language
from tests.server.conftest import settings
from tests.server.fakes import FakeLive, FakeRuntime, Told

FORMAT = {"rate": 16000, "width": 2, "channels": 1}
TONE = (np.sin(np.arange(16_000) / 10) * 10_000).astype("<i2").tobytes()
"""A second of something."""


def words(text: str) -> tuple[LiveWord, ...]:
    return tuple(
        LiveWord(text=f" {word}", start_s=0.0, end_s=0.1, probability=0.9) for word in text.split()
    )


def final(text: str, language: str = "en") -> Final:
    return Final(1, 0.0, 1.0, words(text), Language(language, 0.9))


def says(
    on: Told, *effects: Effect | Exception
) -> Callable[[FakeLive, Told], Sequence[Effect | Exception]]:
    """What a live stream answers with when it is told this."""

    def answer(_: FakeLive, told: Told) -> tuple[Effect | Exception, ...]:
        return effects if told == on else ()

    return answer


def update(committed: str, tentative: str = "") -> Update:
    return Update(1, words(committed), words(tentative))


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, kind: str, data: dict[str, object] | None = None, payload: bytes = b"") -> None:
        body = json.dumps(data).encode() if data else b""
        head = {"type": kind, "data_length": len(body), "payload_length": len(payload)}
        self.writer.write(json.dumps(head).encode() + b"\n" + body + payload)

    def command(self, pcm: bytes = TONE, form: dict[str, int] = FORMAT) -> None:
        self.send("audio-start", {**form})
        for first in range(0, len(pcm), 4096):
            self.send("audio-chunk", {**form}, pcm[first : first + 4096])
        self.send("audio-stop", {"timestamp": None})

    async def ping(self) -> None:
        """Return once everything before has been taken."""
        self.send("ping", {"text": "there?"})
        assert await self.event() == ("pong", {"text": "there?"})

    async def event(self) -> Any:
        """The next event, its kind and its data; None at the end of the connection."""
        line = await self.reader.readline()
        if not line:
            return None
        head = json.loads(line)
        return head["type"], json.loads(await self.reader.readexactly(head["data_length"]))

    async def events(self, last: str) -> list[tuple[str, dict[str, Any]]]:
        """The events up to the first of this kind."""
        found = []
        while (event := await self.event()) is not None:
            found.append(event)
            if event[0] == last:
                return found
        raise AssertionError(f"the connection ended after {found}")

    async def text(self) -> object:
        return (await self.events("transcript"))[-1][1]["text"]

    async def refusal(self) -> dict[str, Any]:
        """The error that ends the connection."""
        kind, data = (await self.events("error"))[-1]
        assert kind == "error"
        assert await self.event() is None
        return data


class Wyoming:
    """A listening server, and connections to it."""

    def __init__(self, runtime: FakeRuntime, in_flight: InFlight, port: int) -> None:
        self.runtime = runtime
        self.in_flight = in_flight
        self.port = port

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def wyoming(**changes: object) -> AsyncIterator[Wyoming]:
    runtime, in_flight = FakeRuntime(settings(**changes)), InFlight()
    await runtime.start()
    opened = listeners.listeners("127.0.0.1", 0)
    async with WyomingListener(runtime, in_flight).listening(opened):
        yield Wyoming(runtime, in_flight, opened[0].getsockname()[1])
