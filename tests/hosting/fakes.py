"""Models without files, engines that say what memory they take, and time that passes when told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from auricle.hosting.managed_model import ManagedModel
from auricle.hosting.manager import ModelManager
from auricle.hosting.memory import MIB
from auricle.models.checkpoint import Checkpoint
from auricle.settings.config import Settings
from tests.fakes import VOCABULARY, FakeEngine


class MeasuredFake(FakeEngine):
    size: int | None = 100 * MIB

    def memory_bytes(self) -> int | None:
        return self.size


class Engines:
    """Starts engines and remembers them, by the name of their model. ``failures`` are raised
    instead, in order; while ``gate`` is cleared, starting waits."""

    def __init__(self) -> None:
        self.started: list[tuple[str, MeasuredFake]] = []
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self, checkpoint: Checkpoint) -> MeasuredFake:
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        engine = MeasuredFake()
        self.started.append((checkpoint.name, engine))
        return engine

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.started]

    def closed(self) -> list[str]:
        return [name for name, engine in self.started if engine.is_closed]


class Timers:
    """``call_later`` of a loop whose time never passes by itself."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, asyncio.TimerHandle]] = []

    def __call__(self, after_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        handle = asyncio.TimerHandle(loop.time() + after_s, callback, (), loop)
        self.waiting.append((after_s, handle))
        return handle

    def pending(self) -> list[float]:
        return [after_s for after_s, handle in self.waiting if not handle.cancelled()]

    def fire(self) -> None:
        """The time of everything that waits has come."""
        due, self.waiting = self.waiting, []
        for _, handle in due:
            if not handle.cancelled():
                handle._run()


def checkpoint(name: str, path: Path = Path("nowhere")) -> Checkpoint:
    return Checkpoint(
        name=name,
        path=path,
        n_mels=80,
        vocab_size=51865,
        width=512,
        multilingual=True,
        english_only=False,
        translates=True,
        languages=("en", "de"),
        vocabulary=VOCABULARY,
    )


class Hosting:
    """A host of fake models, each expected to take 100 MiB."""

    def __init__(self, budget_mib: int | None = None, **settings: object) -> None:
        self.engines = Engines()
        self.timers = Timers()
        self.host = ModelManager(
            Settings(**settings),  # type: ignore[arg-type]  # a table of settings has no one type
            self.engines.start,
            budget_bytes=None if budget_mib is None else budget_mib * MIB,
            estimate=lambda _: 100 * MIB,
            timer=self.timers,
        )

    def model(self, name: str, *, is_default: bool = False) -> ManagedModel:
        return self.host.add(name, lambda: checkpoint(name), is_default=is_default)

    async def __aenter__(self) -> Hosting:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.engines.gate.set()
        await self.host.close()

    def states(self) -> dict[str, str]:
        return {name: model.state for name, model in self.host.models.items()}
