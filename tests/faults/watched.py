"""A server in a process of its own that is told of every window of a job before it is kept.

Knows nothing about what is done then.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from auricle.reading.ledger import Ledger
from auricle.reading.reader import Reading
from auricle.runtime import Runtime
from auricle.segment_stream import SegmentStream
from auricle.server.serve import Server
from auricle.types import DecodeOptions, Language, Window

Keep = Callable[[Ledger, Window, Reading], Awaitable[None]]
"""What is done where a window would be kept in a ledger."""


class WatchedLedger:
    """Another one, but for what is done to keep."""

    def __init__(self, inner: Ledger, keep: Keep) -> None:
        self._inner = inner
        self._keep = keep

    @property
    def language(self) -> Language | None:
        return self._inner.language

    def part(self, channel: int | None) -> WatchedLedger:
        return WatchedLedger(self._inner.part(channel), self._keep)

    def expect(self, audio_s: float) -> None:
        self._inner.expect(audio_s)

    def find(self, window: Window) -> Reading | None:
        return self._inner.find(window)

    async def keep(self, window: Window, reading: Reading) -> None:
        await self._keep(self._inner, window, reading)


class WatchedRuntime(Runtime):
    """``watch`` says how windows of a recording at a path are kept."""

    watch: Callable[[Path], Keep] | None = None

    @asynccontextmanager
    async def open(
        self,
        path: Path,
        options: DecodeOptions,
        key: str = "",
        model: str = "",
        ledger: Ledger | None = None,
    ) -> AsyncIterator[SegmentStream]:
        if ledger is not None and self.watch is not None:
            ledger = WatchedLedger(ledger, self.watch(path))
        async with super().open(path, options, key, model, ledger) as stream:
            yield stream


async def announced(server: Server, runtime: Runtime) -> None:
    """Serve until a signal; prints the address when it is ready."""
    running = asyncio.create_task(server.run())
    await runtime.settled()
    assert runtime.state == "ready", runtime.failure
    sys.stdout.write(f"{server.urls[0]}\n")
    sys.stdout.flush()
    await running
