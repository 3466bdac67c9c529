"""Everything a server or a command line needs to transcribe, put together from the settings.

Knows nothing about HTTP or the command line; both hold one of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from auricle.diagnosis import findings
from auricle.diagnosis.doctor import Doctor
from auricle.diarize import Diarization, Diarizer, Part
from auricle.engine.replicas import MeasuredEngine
from auricle.errors import AuricleError, printable
from auricle.grants import Grants, NoLimits
from auricle.hosting import engines, memory
from auricle.hosting.catalog import Catalog
from auricle.hosting.downloads import Downloads
from auricle.hosting.libraries import Libraries
from auricle.hosting.managed_model import ManagedModel
from auricle.hosting.manager import ModelManager
from auricle.hosting.names import ModelNames
from auricle.hosting.speaker_host import SpeakerHost
from auricle.live.end_of_turn import EndOfTurnHost
from auricle.live.options import LiveOptions
from auricle.live.service import LiveService
from auricle.live.speakers import with_speakers
from auricle.live.stream import LiveStream
from auricle.media.pool import DecoderPool
from auricle.model_control import ModelControl
from auricle.models import abilities
from auricle.models.checkpoint import Checkpoint
from auricle.models.fetch import FetchOptions
from auricle.models.progress import Progress
from auricle.opening import Opening, guess_s
from auricle.reading.ledger import Ledger
from auricle.segment_stream import SegmentStream
from auricle.settings.config import Settings
from auricle.speech_runtime import ModelStatus, State
from auricle.system.startup import Startup
from auricle.telemetry.observe import NULL_OBSERVER, Observer
from auricle.transcribe import SHORT_S
from auricle.types import DecodeOptions, SpeakerOptions


class Runtime:
    """A `SpeechRuntime`: the model it was started with, and any other that a request names. `start`
    never raises: it leaves `state` and `failure` behind, and the next request tries again."""

    def __init__(
        self,
        settings: Settings,
        progress: Progress | None = None,
        fetching: FetchOptions | None = None,
        observer: Observer = NULL_OBSERVER,
        grants: Grants | None = None,
    ) -> None:
        self.settings = settings
        self._startup = Startup(self._start)
        self._device: engines.Device = "cpu"
        self._decoders = DecoderPool(settings, observer)
        self.open_container = self._decoders.open_stream
        fetching = fetching or FetchOptions.of(settings)
        end_of_turn = EndOfTurnHost(fetching, fetches=settings.fetch_on_request, progress=progress)
        self._live = LiveService(settings.max_live_sessions, end_of_turn)
        self._catalog = Catalog(settings, fetching, progress)
        self._libraries = Libraries(settings, fetching.cache)
        self._models = ModelManager(
            settings,
            self.start_engine,
            budget_bytes=memory.budget_bytes(settings.memory_mb),
            estimate=lambda found: engines.estimate_bytes(found, settings, self._device),
            observer=observer,
        )
        self._models.control.grants = grants = grants or NoLimits()
        self.predict_s = self._models.control.predict_s
        self._speakers = SpeakerHost(fetching, progress, idle_unload_s=settings.idle_unload_s)
        self._diarizer = Diarizer(self._decoders, self._speakers, settings.load_wait_s, observer)
        self._default = self._models.add(
            printable(str(settings.model_path or settings.model)),
            lambda: self._catalog.find_default(self._device),
            is_default=True,
        )
        self._names = ModelNames(settings, self._catalog, self._models, self._default, grants)
        self._control = ModelControl(settings, self._names, self._models, self._speakers)
        self.unload, self.status = self._control.unload, self._control.status
        self.statuses = self._control.statuses
        self.prove = self._default.prove
        self.aliases = self._names.aliases
        self.downloads = Downloads(
            fetching,
            min_free_bytes=settings.min_free_disk_mb * memory.MIB,
            needs=lambda weights: engines.expected_bytes(weights, settings, self._device),
        )
        self.doctor = Doctor(partial(findings.diagnose, settings))

    @property
    def state(self) -> State:
        """Whether requests for the model it was started with can be answered. One that was
        unloaded counts as ready: the next request loads it."""
        if self._startup.state == "started":
            return "failed" if self.failure is not None else "ready"
        return self._startup.state

    @property
    def failure(self) -> AuricleError | None:
        """Why the server or its own model could not be started, or its engine not be replaced."""
        return self._startup.failure or self._default.failure or self._default.engine_failure

    @property
    def model_id(self) -> str:
        """The name of the model it was started with, as a client may ask for it."""
        return self._names.default_name

    @property
    def loaded(self) -> list[str]:
        """The names of the models in memory."""
        return [self._names.of(model) for model in self._models.loaded]

    @property
    def backlog_s(self) -> float:
        """Predicted seconds until all work that was accepted is done."""
        return self._models.control.waiting_s

    @property
    def n_live(self) -> int:
        """Live streams that are open."""
        return self._live.n_streams

    @property
    def live_lag_s(self) -> float:
        """How late words of live streams are now, in the mean of those who speak."""
        return self._live.lag_s

    async def settled(self) -> None:
        """Return once `start` has ended, well or not."""
        await self._startup.ended.wait()

    async def start(self) -> None:
        """Start the decoders, and find and load the model: the first request must not be slow."""
        await self._startup.run()

    async def _start(self) -> None:
        self._device = await engines.choose_device(self.settings)
        try:
            await asyncio.gather(self._decoders.start(), self._models.load(self._default))
        except Exception:
            if self._default.failure is None:  # else it is kept there until a later try succeeds
                raise

    async def stop(self) -> None:
        """End every child process; requests still running are failed."""
        await self._startup.stop()
        held = (self.downloads, self._models, self._speakers, self._decoders, self._live)
        for close in [each.close for each in held]:
            await close()

    def check_room(self, key: str = "") -> None:
        """Refuse a client known by ``key`` early, before its upload is read: `Unavailable`, see
        `Startup.check`, or `Overloaded` where too much work is waiting, of everybody or of it."""
        self._startup.check()
        self._models.control.check(key)

    @asynccontextmanager
    async def open(
        self,
        path: Path,
        options: DecodeOptions,
        key: str = "",
        model: str = "",
        ledger: Ledger | None = None,
    ) -> AsyncIterator[SegmentStream]:
        """Transcribe a file with a model, which is loaded first if need be; see `Opening.plain`.

        Raises:
            ModelNotFound: see `find`.
            Forbidden: the client may not use it.
            InvalidRequest: the model does not know the language, or does not translate.
            Unavailable: see `check_room`, `ModelManager.using` and `SpeakerHost.using`.
        """
        self.check_room(key) if ledger is None else self._startup.check()
        if options.speakers is not None and not options.speakers.by_channel:
            await self._speakers.load(self.settings.load_wait_s)
        async with self._models.using(await self._names.granted(key, model)) as managed:
            assert managed.checkpoint is not None
            possible = abilities.possible(options, managed.checkpoint, self.settings.language)
            opening = Opening(self._decoders, managed.reader, path, possible, key, ledger)
            async with opening.as_asked(self._diarizer) as stream:
                yield stream

    async def diarize(
        self, path: Path, options: SpeakerOptions, key: str = "", audio_track: str | None = None
    ) -> Diarization:
        """Who speaks when in a file. Raises what `check_room` and `Diarizer.diarize` raise."""
        self.check_room(key)
        part, is_long = Part(audio_track), guess_s(path) > SHORT_S
        return await self._diarizer.diarize(path, options, part, is_long=is_long)

    async def load_speakers(self) -> None:
        """Start what tells speakers apart, fetched first if need be; see `SpeakerHost.load`."""
        await self._speakers.load()

    @asynccontextmanager
    async def open_live(
        self, live: LiveOptions, options: DecodeOptions, key: str = "", model: str = ""
    ) -> AsyncIterator[LiveStream]:
        """Transcribe a live stream with what ``model`` can do, which is loaded first if it is not;
        leaving the context cancels what is not done. Speech is transcribed, never translated, in
        the language of ``live``, else of the options, else the one that is detected.

        Raises:
            ModelNotFound, Forbidden: see `open`.
            InvalidRequest: the model does not know the language, or gives no word times.
            Unavailable: see `check_room` and `ModelManager.using`.
            Overloaded: there are as many streams as can be followed, or as the client may have.
        """
        self._startup.check()
        if options.speakers is not None:
            await self._speakers.load(self.settings.load_wait_s)
        async with self._models.using(await self._names.granted(key, model)) as managed:
            assert managed.checkpoint is not None
            default = self.settings.language
            possible = partial(
                abilities.possible, checkpoint=managed.checkpoint, default_language=default
            )
            async with self._live.open(managed.reader, possible, live, options, key) as stream:
                yield with_speakers(stream, self._speakers.listen, options.speakers)

    async def find(self, name: str, key: str = "") -> ManagedModel:
        """The model a request means. Raises `ModelNotFound`, and `Forbidden` as of `open`."""
        return await self._names.granted(key, name)

    async def load(self, name: str, key: str = "") -> ModelStatus:
        """Load a model; see `ModelControl.load` and `check_room`."""
        self.check_room()
        return await self._control.load(name, key)

    async def start_engine(self, checkpoint: Checkpoint) -> MeasuredEngine:
        """A fresh engine for a checkpoint."""
        return await engines.start(checkpoint.path, self.settings, self._device, self._libraries)
