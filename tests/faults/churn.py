"""Clients that connect, send part or all of a request and leave at random; then what is left.

    python -m tests.faults.churn --url http://localhost:50060 --pid PID --clients 500 --seconds 60

Knows nothing about the server but its address and, for counting on Linux, its process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import random
import tempfile
import time
import urllib.parse
import wave
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.churn_sockets import sockets

PROC = Path("/proc")
BOUNDARY = "churn"


@dataclass(frozen=True)
class Held:
    """What a server and its children hold at one moment."""

    processes: int
    open_files: int
    uploads: int
    server_mib: int
    children_mib: int


def held(pid: int) -> Held:
    """Count it, through ``/proc``. Decoders that come and go with the load are counted, too."""
    pids = [pid, *children(pid)]
    return Held(
        processes=len(pids),
        open_files=len(list((PROC / str(pid) / "fd").iterdir())),
        uploads=len(list(Path(tempfile.gettempdir()).glob("auricle-*.upload"))),
        server_mib=_resident_mib(pid),
        children_mib=sum(_resident_mib(child) for child in pids[1:]),
    )


def children(pid: int) -> list[int]:
    """Every process below ``pid``. A thread or process that ends meanwhile has none."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in (PROC / str(pid) / "task").iterdir():
            for child in _children_of(task):
                found += [child, *children(child)]
    return found


def _children_of(task: Path) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in (task / "children").read_text().split()]
    return []


def _resident_mib(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
    return 0


def recording(seconds: float, rng: random.Random) -> bytes:
    """A wav of noise that may pass for a voice, or of silence."""
    n_bytes = int(seconds * 16_000) * 2
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes(rng.randbytes(n_bytes) if rng.random() < 0.5 else bytes(n_bytes))
    return file.getvalue()


def request(audio: bytes, *, stream: bool, key: str) -> bytes:
    fields = {"model": "whisper-1", "beam_size": "1", "stream": str(stream).lower()}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = ("".join(parts) + file).encode() + audio + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    return head.encode() + body


async def recordings(
    rng: random.Random, clip: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> str:
    """Sends a recording: nothing of it, a part, or all."""
    audio = clip if rng.random() < 0.5 else recording(rng.uniform(0.2, 12), rng)
    stream = rng.random() < 0.4
    message = request(audio, stream=stream, key=f"sk-{rng.randrange(5)}")
    match rng.randrange(6):
        case 0:
            return "connected and left"
        case 1:
            writer.write(message[: rng.randrange(400)])
        case 2:
            writer.write(message[: rng.randrange(len(message))])
        case 3:
            writer.write(message)
        case 4:
            writer.write(message)
            await writer.drain()
            await reader.read(rng.choice((1, 500)))
            return "left with the first bytes of the answer"
        case _:
            writer.write(message)
            answer = await reader.read()
            return f"stayed and got {answer[9:12].decode()}"
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    await asyncio.sleep(rng.choice((0, 0, rng.uniform(0, 0.3))))  # a client's own time
    return "left while sending or waiting"


Behave = Callable[
    [random.Random, bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[str]
]
"""What a client with a clip does once it is connected, as chance says; how it ended."""


class Clients:
    """Any number of clients that behave as ``rng`` says; ``outcomes`` counts how they ended."""

    def __init__(
        self, address: tuple[str, int], rng: random.Random, clip: bytes, behave: Behave
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._address = address
        self._rng = rng
        self._clip = clip
        self._behave = behave

    async def visit(self) -> None:
        """One client, from connecting to leaving."""
        try:
            async with asyncio.timeout(120):
                reader, writer = await asyncio.open_connection(*self._address)
                try:
                    outcome = await self._behave(self._rng, self._clip, reader, writer)
                    self.outcomes[outcome] += 1
                finally:
                    writer.transport.abort()
        except (OSError, EOFError) as exc:
            self.outcomes[type(exc).__name__] += 1


async def churn(given: argparse.Namespace) -> Counter[str]:
    """So many clients at a time for so long."""
    parts = urllib.parse.urlsplit(given.url)
    rng = random.Random(given.seed)
    clip = (Path(__file__).parents[2] / "samples" / "jfk.wav").read_bytes()
    address = (parts.hostname or "localhost", parts.port or 80)
    clients = Clients(address, rng, clip, sockets if given.sockets else recordings)
    end_s = time.monotonic() + given.seconds

    async def come_again() -> None:
        while time.monotonic() < end_s:
            await clients.visit()

    await asyncio.gather(*(come_again() for _ in range(given.clients)))
    return clients.outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description="connect and leave at random")
    parser.add_argument("--url", default="http://localhost:50060")
    parser.add_argument("--pid", type=int, help="the server's process, to count what it holds")
    parser.add_argument("--sockets", action="store_true", help="live ones instead of recordings")
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--settle", type=float, default=15, help="seconds before the last count")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    before = held(given.pid) if given.pid else None
    outcomes = asyncio.run(churn(given))
    time.sleep(given.settle)
    for outcome, n in sorted(outcomes.items()):
        print(f"{n:7d}  {outcome}")  # noqa: T201  # a program that prints
    if before is not None:
        print("before", before)  # noqa: T201  # as above
        print("after ", held(given.pid))  # noqa: T201  # as above


if __name__ == "__main__":
    main()
