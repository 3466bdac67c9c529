"""One model that may be loaded: its engine and queue while it is, and who uses it.

Knows nothing about other models, names or how its files are found; `ModelManager` decides when it
is loaded and unloaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import numpy as np

from auricle.config import Settings
from auricle.engine.protocol import Engine, ModelInfo
from auricle.engine.replicas import MeasuredEngine
from auricle.errors import AuricleError, Unavailable
from auricle.models.checkpoint import Checkpoint
from auricle.scheduler.admission import Gate
from auricle.scheduler.fallback import Rules
from auricle.scheduler.scheduler import Scheduler
from auricle.types import SAMPLE_RATE, DecodeOptions, Window

State = Literal["unloaded", "loading", "ready", "unloading", "failed"]

_ONCE = DecodeOptions(temperature=1.0)  # sampled text is not tried again, whatever it says
_WARM_UP = Window(index=0, start_s=0.0, pcm=np.zeros(SAMPLE_RATE, np.float32), speech=())


StartEngine = Callable[[Checkpoint], Awaitable[MeasuredEngine]]


class ManagedModel:
    """``is_default``: the server was started with it. ``failure`` is why it could not be loaded,
    until it can. ``reserved_bytes`` is what it is expected to take, from when there is room for
    it. ``n_users`` counts the requests that have it or wait for it; ``last_use`` grows with each.
    """

    def __init__(
        self, name: str, find: Callable[[], Checkpoint], *, is_default: bool = False
    ) -> None:
        self.name = name
        self.find = find
        self.is_default = is_default
        self.state: State = "unloaded"
        self.failure: AuricleError | None = None
        self.checkpoint: Checkpoint | None = None
        self.info: ModelInfo | None = None
        self.scheduler: Scheduler | None = None
        self.reserved_bytes = 0
        self.n_users = 0
        self.last_use = 0
        self.idle_timer: asyncio.TimerHandle | None = None
        self.changing = asyncio.Lock()
        self._engine: MeasuredEngine | None = None

    @property
    def title(self) -> str:
        """What people know it by: ``name`` may be a setting such as auto, or a folder."""
        return self.name if self.checkpoint is None else self.checkpoint.name

    @property
    def memory_bytes(self) -> int:
        """What it takes now: measured where the system tells, else as expected."""
        measured = None
        if self._engine is not None and self._engine.info.device == "cpu":
            measured = self._engine.memory_bytes()
        return self.reserved_bytes if measured is None else measured

    @property
    def is_idle(self) -> bool:
        """Whether it may be unloaded without anybody noticing."""
        return self.state == "ready" and not self.n_users

    @property
    def queue(self) -> Scheduler:
        """Where its windows wait.

        Raises:
            Unavailable: it was unloaded because the server is stopping.
        """
        if self.scheduler is None:
            raise Unavailable("the server is shutting down", retry_after_s=5)
        return self.scheduler

    async def start(
        self,
        checkpoint: Checkpoint,
        settings: Settings,
        start_engine: StartEngine,
        gate: Gate | None = None,
    ) -> None:
        """Start an engine and run it once: the first request must not be the slow one.

        Raises:
            AuricleError: the model cannot be loaded, or not be run.
        """

        async def start() -> Engine:
            self._engine = await start_engine(checkpoint)
            return self._engine

        scheduler = Scheduler(
            start,
            batch_size=settings.batch_size,
            margin_s=settings.context_margin_s or checkpoint.margin_s,
            gate=gate,
            rules=Rules(
                settings.compression_ratio_threshold,
                settings.logprob_threshold,
                settings.no_speech_threshold,
                settings.temperatures,
            ),
        )
        try:
            info = await scheduler.start()
            with scheduler.admit(is_own=True) as admission:
                await admission.submit(_WARM_UP, _ONCE, "en").text
        except BaseException:
            await scheduler.close()
            self._engine = None
            raise
        self.checkpoint, self.info, self.scheduler = checkpoint, info, scheduler

    async def stop(self) -> None:
        """End the engine, so that its memory goes back; windows without an answer are failed."""
        scheduler, self.scheduler, self.info = self.scheduler, None, None
        if scheduler is not None:
            await scheduler.close()
        self._engine = None
        self.reserved_bytes = 0
