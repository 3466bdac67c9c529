"""One model that may be loaded: its engine and queue while it is, and who uses it.

Knows nothing about other models, names or how its files are found; `ModelManager` decides when it
is loaded and unloaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import numpy as np

from auricle.engine.protocol import Engine, ModelInfo
from auricle.engine.replicas import MeasuredEngine
from auricle.errors import AuricleError, Unavailable
from auricle.models.checkpoint import Checkpoint
from auricle.queue.admission import AdmissionControl
from auricle.queue.policy import Priority
from auricle.queue.queue import Queue
from auricle.reading.fallback import FallbackThresholds
from auricle.reading.jobs import batch_cost
from auricle.reading.model import ReadingModel
from auricle.reading.reader import Reader
from auricle.settings.config import Settings
from auricle.telemetry.observe import NULL_OBSERVER, Observer
from auricle.types import SAMPLE_RATE, DecodeOptions, Language, Window

State = Literal["unloaded", "loading", "ready", "unloading", "failed"]

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
        self.reading: ReadingModel | None = None
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
    def engine_failure(self) -> AuricleError | None:
        """Why its engine, which died, could not be replaced yet; it is tried again."""
        return None if self.reading is None else self.reading.queue.failure

    @property
    def reader(self) -> ReadingModel:
        """What requests are read with.

        Raises:
            Unavailable: it was unloaded because the server is stopping.
        """
        if self.reading is None:
            raise Unavailable("the server is shutting down", retry_after_s=5)
        return self.reading

    async def start(
        self,
        checkpoint: Checkpoint,
        settings: Settings,
        start_engine: StartEngine,
        control: AdmissionControl | None = None,
        observer: Observer = NULL_OBSERVER,
    ) -> None:
        """Start an engine and run it once: the first request must not be the slow one.

        Raises:
            AuricleError: the model cannot be loaded, or not be run.
        """

        async def start() -> Engine:
            self._engine = await start_engine(checkpoint)
            return self._engine

        queue = Queue(
            start,
            batch_cost=batch_cost(settings.batch_size),
            gpu_rows=settings.batch_size,
            control=control,
            observer=observer,
        )
        reading = ReadingModel(
            queue,
            checkpoint.vocabulary,
            settings.context_margin_s or checkpoint.margin_s,
            checkpoint.late_s,
            FallbackThresholds(
                settings.compression_ratio_threshold,
                settings.logprob_threshold,
                settings.no_speech_threshold,
                settings.temperatures,
            ),
            observer=observer,
        )
        try:
            info = await queue.start()
            await asyncio.to_thread(checkpoint.vocabulary.prepare)
            await _warm_up(reading, Language(checkpoint.languages[0]))
        except BaseException:
            await queue.close()
            self._engine = None
            raise
        self.checkpoint, self.info, self.reading = checkpoint, info, reading

    async def prove(self) -> None:
        """Have a second of audio read, if the model is in memory. Raises what a reading raises."""
        if self.reading is not None and self.checkpoint is not None:
            await _warm_up(self.reading, Language(self.checkpoint.languages[0]))

    async def stop(self) -> None:
        """End the engine, so that its memory goes back; windows without an answer are failed."""
        reading, self.reading, self.info = self.reading, None, None
        if reading is not None:
            await reading.queue.close()
        self._engine = None
        self.reserved_bytes = 0


async def _warm_up(reading: ReadingModel, language: Language) -> None:
    async def language_of(_: object) -> Language:
        return language

    with reading.queue.admit(is_own=True) as admission:
        reader = Reader(reading, admission, Priority.SHORT, DecodeOptions())
        await reader.read_once(_WARM_UP, language_of)
