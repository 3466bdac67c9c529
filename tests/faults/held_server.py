"""A real server in a process of its own, which stops reading a job once so many windows are kept.

    python -m tests.faults.held_server DATA_DIR N

Prints its address when it is ready, and ``held`` when nothing goes on any more.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from auricle.reading.ledger import Ledger
from auricle.reading.reader import Reading
from auricle.runtime import Runtime
from auricle.segment_stream import SegmentStream
from auricle.server.serve import Server
from auricle.types import DecodeOptions, Language, Window
from tests.server.conftest import settings


class HeldLedger:
    """Keeps ``n`` windows, and never returns from the next."""

    def __init__(self, inner: Ledger, n: int) -> None:
        self._inner = inner
        self._left = n

    @property
    def language(self) -> Language | None:
        return self._inner.language

    def part(self, channel: int | None) -> HeldLedger:
        return HeldLedger(self._inner.part(channel), self._left)

    def expect(self, audio_s: float) -> None:
        self._inner.expect(audio_s)

    def find(self, window: Window) -> Reading | None:
        return self._inner.find(window)

    async def keep(self, window: Window, reading: Reading) -> None:
        if not self._left:
            sys.stdout.write("held\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        self._left -= 1
        await self._inner.keep(window, reading)


class HeldRuntime(Runtime):
    held_after = 0

    @asynccontextmanager
    async def open(
        self,
        path: Path,
        options: DecodeOptions,
        key: str = "",
        model: str = "",
        ledger: Ledger | None = None,
    ) -> AsyncIterator[SegmentStream]:
        held = None if ledger is None else HeldLedger(ledger, self.held_after)
        async with super().open(path, options, key, model, held) as stream:
            yield stream


async def main(data_dir: Path, n: int) -> None:
    given = settings(model="tiny.en", max_upload_mb=64, max_jobs=10, data_dir=data_dir)
    runtime = HeldRuntime(given)
    runtime.held_after = n
    server = Server(given, runtime)
    running = asyncio.create_task(server.run())
    await runtime.settled()
    assert runtime.state == "ready", runtime.failure
    sys.stdout.write(f"{server.urls[0]}\n")
    sys.stdout.flush()
    await running


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
