"""A server on loopback that answers transcription requests by script, and remembers them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


def json_answer(document: object, status: int = 200) -> bytes:
    return answer(json.dumps(document).encode(), "application/json", status)


def answer(body: bytes, kind: str, status: int = 200) -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@dataclass
class FakeServer:
    """``script`` makes the raw answer to each request; empty means: hang up without one.
    ``company`` requests are waited for before any is answered."""

    script: Callable[[Request], bytes]
    company: int = 1
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    n_open: int = 0
    most_open: int = 0

    def __post_init__(self) -> None:
        self._gathered = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FakeServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            server.close()
            await asyncio.gather(*self._serving)  # clients have hung up before

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                raw = await self._answered(reader)
                if not raw:
                    break
                writer.write(raw)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _answered(self, reader: asyncio.StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        request = Request(first.split()[1], headers, body)
        self.requests.append(request)
        self.n_open += 1
        self.most_open = max(self.most_open, self.n_open)
        if self.n_open >= self.company:
            self._gathered.set()
        await self._gathered.wait()
        self.n_open -= 1
        return self.script(request)


@contextlib.contextmanager
def in_thread(fake: FakeServer) -> Iterator[FakeServer]:
    """The server running in a thread, for commands that have an event loop of their own."""
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with fake.running():
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    started.wait()
    yield fake
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
