"""A runtime whose decoders and voice detection are real, and whose engines say at once what only
depends on the audio: so many requests take little time, and each has one right answer.

Knows nothing about who asks.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from auricle.config import Settings
from auricle.engine.replicas import MeasuredEngine
from auricle.models.checkpoint import Checkpoint
from auricle.models.fetch import FetchOptions
from auricle.reading.ledger import Ledger
from auricle.reading.reader import Reading
from auricle.runtime import Runtime
from auricle.segment_stream import SegmentStream
from auricle.types import DecodeOptions, Language, Window
from tests.hosting.fakes import MeasuredFake, checkpoint


class StubEngine(MeasuredFake):
    """A fake that remembers nothing of what it was asked."""

    async def _work(self) -> None:
        await super()._work()
        for asked in (self.encodes, self.detects, self.decodes, self.aligns, self.heard):
            asked.clear()


class StubCatalog:
    """One model, which is no file."""

    def find_default(self, device: str) -> Checkpoint:
        return checkpoint("base")

    async def names(self) -> list[str]:
        return ["base"]

    async def lookup(self, name: str, asked: str):
        return "base", lambda: checkpoint("base")


class CountedLedger:
    """Writes a line for every window that is kept, once it is; also where the process dies."""

    def __init__(self, inner: Ledger, descriptor: int, name: str) -> None:
        self._inner = inner
        self._descriptor = descriptor
        self._name = name

    @property
    def language(self) -> Language | None:
        return self._inner.language

    def part(self, channel: int | None) -> CountedLedger:
        return CountedLedger(self._inner.part(channel), self._descriptor, self._name)

    def expect(self, audio_s: float) -> None:
        self._inner.expect(audio_s)

    def find(self, window: Window) -> Reading | None:
        return self._inner.find(window)

    async def keep(self, window: Window, reading: Reading) -> None:
        await self._inner.keep(window, reading)
        os.write(self._descriptor, f"{self._name} {window.index}\n".encode())


class CountedRuntime(Runtime):
    """Notes in a file which windows of jobs are kept."""

    kept: int | None = None
    """The descriptor of that file."""

    @asynccontextmanager
    async def open(
        self,
        path: Path,
        options: DecodeOptions,
        key: str = "",
        model: str = "",
        ledger: Ledger | None = None,
    ) -> AsyncIterator[SegmentStream]:
        if ledger is not None and self.kept is not None:
            ledger = CountedLedger(ledger, self.kept, path.name)
        async with super().open(path, options, key, model, ledger) as stream:
            yield stream


class StubRuntime(CountedRuntime):
    """``engines`` are those that were started, the last one last."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings, fetching=FetchOptions(cache=folder, environ={}))
        self._catalog = StubCatalog()  # type: ignore[assignment]  # has what the runtime uses of it
        self._names.catalog = self._catalog
        self._models._estimate = lambda _: 1  # there is no file to measure
        self.engines: list[StubEngine] = []

    async def start_engine(self, checkpoint: Checkpoint) -> MeasuredEngine:
        self.engines.append(StubEngine())
        return self.engines[-1]
