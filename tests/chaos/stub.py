"""A runtime whose decoders and voice detection are real, and whose engines say at once what only
depends on the audio: so many requests take little time, and each has one right answer.

Knows nothing about who asks.
"""

from __future__ import annotations

import os
from pathlib import Path

from auricle.engine.replicas import MeasuredEngine
from auricle.models.checkpoint import Checkpoint
from auricle.models.fetch import FetchOptions
from auricle.reading.ledger import Ledger
from auricle.reading.reader import Reading
from auricle.settings.config import Settings
from auricle.types import Window
from tests.faults.watched import Keep, WatchedRuntime
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


def counted(descriptor: int, path: Path) -> Keep:
    """Writes a line for every window that is kept, once it is; also where the process dies."""

    async def keep(ledger: Ledger, window: Window, reading: Reading) -> None:
        await ledger.keep(window, reading)
        os.write(descriptor, f"{path.name} {window.index}\n".encode())

    return keep


class StubRuntime(WatchedRuntime):
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
