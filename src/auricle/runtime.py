"""Everything one served model needs, put together from the settings: start, serve, stop.

Knows nothing about HTTP or the command line; both hold one of these.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from auricle.audio.decode import DecoderPool
from auricle.config import Settings
from auricle.engine import machine
from auricle.engine.process import EngineProcess, probe
from auricle.engine.protocol import Engine, ModelInfo
from auricle.errors import AuricleError, InvalidRequest, Unavailable
from auricle.models.checkpoint import Checkpoint
from auricle.models.fetch import locate
from auricle.models.progress import Progress
from auricle.models.registry import default_model, is_default_alias
from auricle.scheduler.admission import Limits
from auricle.scheduler.scheduler import Scheduler
from auricle.transcribe import Transcriber, Transcription
from auricle.types import SAMPLE_RATE, Options, Window

State = Literal["starting", "ready", "failed", "stopping"]

RETRY_WHILE_STARTING_S = 2.0
RETRY_WHEN_FAILED_S = 30.0

_WARM_UP = Window(index=0, start_s=0.0, pcm=np.zeros(SAMPLE_RATE, np.float32), speech_s=0.0)

_log = logging.getLogger(__name__)


class Runtime:
    """One model being served. `start` never raises: it leaves `state` and `failure` behind."""

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        self.settings = settings
        self.state: State = "starting"
        self.failure: AuricleError | None = None
        self.checkpoint: Checkpoint | None = None
        self.model: ModelInfo | None = None
        self._settled = asyncio.Event()
        self._progress = progress
        self._device: Literal["cpu", "cuda"] = "cpu"
        self._decoders = DecoderPool(settings)
        self._scheduler = Scheduler(
            self.start_engine,
            batch_size=settings.batch_size,
            limits=Limits(
                settings.max_requests, settings.max_backlog_s, settings.max_backlog_per_key_s
            ),
        )

    @property
    def model_id(self) -> str:
        """The name of the model served, as a client may ask for it."""
        if self.checkpoint is not None:
            return self.checkpoint.name
        return str(self.settings.model_path or self.settings.model)

    @property
    def n_windows(self) -> int:
        """Windows waiting or being read."""
        return self._scheduler.n_waiting

    async def settled(self) -> None:
        """Return once `start` has ended, well or not."""
        await self._settled.wait()

    async def start(self) -> None:
        """Find the model, load it and run it once: the first request must not be the slow one."""
        try:
            await asyncio.gather(self._decoders.start(), self._start_model())
            await self._warm_up()
        except AuricleError as exc:
            self.failure = exc
            self.state = "failed"
            _log.error("%s", exc)
        else:
            self.state = "ready"
        finally:
            self._settled.set()

    async def stop(self) -> None:
        """End every child process; requests still running are failed."""
        self.state = "stopping"
        await self._scheduler.close()
        await self._decoders.close()

    def transcriber(self, key: str = "") -> Transcriber:
        """What to transcribe with, for a client known by ``key``.

        Raises:
            Unavailable: the model is loading, could not be loaded, or the server is stopping.
            Overloaded: the queue is full; asked before an upload is read, it saves the upload.
        """
        if self.state == "ready":
            self._scheduler.check_room(key)
            return Transcriber(self._decoders, self._scheduler)
        if self.state == "failed":
            raise Unavailable(
                f"the model could not be loaded: {self.failure}", retry_after_s=RETRY_WHEN_FAILED_S
            )
        raise Unavailable(
            f"the server is {self.state}; try again in a moment",
            code=f"server_{self.state}",
            retry_after_s=RETRY_WHILE_STARTING_S,
        )

    def open(
        self, path: Path, options: Options, key: str = ""
    ) -> AbstractAsyncContextManager[Transcription]:
        """Transcribe a file with what this model can do; see `Transcriber.open`.

        Raises:
            InvalidRequest: the model does not know the language, or does not translate.
            Unavailable: see `transcriber`.
        """
        transcriber = self.transcriber(key)
        assert self.checkpoint is not None
        possible = _possible(options, self.checkpoint, self.settings.language)
        return transcriber.open(path, possible, key)

    async def start_engine(self) -> Engine:
        """A fresh engine for the checkpoint found at start."""
        assert self.checkpoint is not None
        return await EngineProcess.start(
            self.checkpoint.path,
            device=self._device,
            compute_type=self.settings.compute_type,
            threads=self.settings.threads,
        )

    async def _start_model(self) -> None:
        self._device = await _choose_device(self.settings)
        name = self.settings.model_path or self.settings.model
        if name == "auto" or is_default_alias(str(name)):
            name = default_model(self._device)
        self.checkpoint = await asyncio.to_thread(
            locate, str(name), self.settings, progress=self._progress
        )
        self.model = await self._scheduler.start()

    async def _warm_up(self) -> None:
        with self._scheduler.admit() as admission:
            ticket = admission.submit(_WARM_UP, Options(beam_size=1), "en")
            await ticket.text


async def _choose_device(settings: Settings) -> Literal["cpu", "cuda"]:
    if settings.device != "auto":
        return settings.device
    if not machine.has_cuda_driver():
        return "cpu"  # and save the half second that asking takes
    hardware = await probe()
    return "cuda" if hardware.cuda_devices else "cpu"


def _possible(options: Options, checkpoint: Checkpoint, default_language: str | None) -> Options:
    """The options with their language filled in where it is certain; refuses what the checkpoint
    cannot do, rather than answer something else."""
    only = "en" if checkpoint.english_only else None
    language = options.language or only or default_language
    if language is not None and language not in checkpoint.languages:
        known = ", ".join(checkpoint.languages)
        raise InvalidRequest(
            f"Invalid language {language!r}: the model {checkpoint.name!r} knows {known}.",
            param="language",
            code="unsupported_language",
        )
    if options.task == "translate" and not checkpoint.translates:
        raise InvalidRequest(
            f"The model {checkpoint.name!r} cannot translate; multilingual models such as base, "
            "small, medium, large-v2 and large-v3 can.",
            param="model",
            code="unsupported_value",
        )
    return replace(options, language=language)
