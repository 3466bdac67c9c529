"""A runtime without a model: it says what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from auricle.diagnosis.doctor import Doctor
from auricle.diarize import Diarization
from auricle.errors import AuricleError, BadMedia, InvalidRequest, ModelNotFound, Unavailable
from auricle.hosting import managed_model
from auricle.hosting.names import Aliases
from auricle.live.effects import Effect
from auricle.live.options import LiveOptions
from auricle.models import registry
from auricle.reading.ledger import Ledger
from auricle.reading.reader import Reading
from auricle.segment_stream import EarlyWords, ReadPart
from auricle.settings.config import Settings
from auricle.speakers.turns import Turn
from auricle.speech_runtime import ModelStatus, State
from auricle.types import (
    SAMPLE_RATE,
    AudioTrack,
    DecodeOptions,
    Language,
    Pcm,
    Segment,
    Speaker,
    SpeakerOptions,
    Task,
)
from tests.fakes import window
from tests.server.fake_files import FOUND, FakeFiles


def said(text: str, start_s: float = 0.0, end_s: float = 1.0) -> Segment:
    return Segment(
        start_s=start_s,
        end_s=end_s,
        text=text,
        tokens=(1, 2),
        temperature=0.0,
        avg_logprob=-0.25,
        compression_ratio=1.25,
        no_speech_prob=0.125,
    )


HELLO = (said(" Hello there."), said(" And you.", 1.0, 2.5))

Step = Segment | EarlyWords | Exception | asyncio.Event
"""A segment to yield, what is known of it before, an error to raise, or something to wait for."""


@dataclass
class FakeTranscription:
    task: Task
    language: Language | None
    duration_s: float
    steps: Sequence[Step]
    track: AudioTrack | None = None
    warnings: tuple[str, ...] = ()
    speakers: tuple[Speaker, ...] | None = None
    ledger: Ledger | None = None
    """It is given each segment as the reading of a window."""

    async def parts(self, *, early: bool = False) -> AsyncIterator[ReadPart]:
        """Speakers are known of the first segment when the second is read, and of the rest at the
        end."""
        if self.speakers is None:
            async for read in self._read(early=early):
                yield read, () if isinstance(read, EarlyWords) else (read,)
            return
        before: list[Segment] = []
        async for segment in self:
            yield msgspec.structs.replace(segment, speaker=None), tuple(before[:1])
            before = [*before[1:], segment]
        yield None, tuple(before)

    async def __aiter__(self) -> AsyncIterator[Segment]:
        async for read in self._read(early=False):
            assert isinstance(read, Segment)
            yield read

    async def _read(self, *, early: bool) -> AsyncIterator[Segment | EarlyWords]:
        for number, step in enumerate(self.steps):
            if isinstance(step, Segment) and self.ledger is not None:
                await self.ledger.keep(window(number), Reading((step,), Language("en"), ""))
            if isinstance(step, Exception):
                raise step
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif early or isinstance(step, Segment):
                yield step


BASE = ModelStatus(
    "base", "ready", None, 300 * 1024 * 1024, 2, 5, "cpu", "int8_float32", ("en", "de"), 0.05, 9.5
)
SMALL = ModelStatus("small", "unloaded")
SPEAKERS = ModelStatus("speakers", "unloaded", memory_bytes=200 * 1024 * 1024)


Told = Literal["send", "commit", "clear", "finish"]


class FakeLive:
    """A `LiveStream` that keeps what it was told. ``says`` answers everything it is told with
    effects, or an error that its iteration raises; `say` does so unasked."""

    def __init__(self, live: LiveOptions, options: DecodeOptions) -> None:
        self.live = live
        self.options = options
        self.configured: list[tuple[LiveOptions, DecodeOptions]] = []
        self.told: list[Told] = []
        self.pcm = np.zeros(0, np.float32)
        self.says: Callable[[FakeLive, Told], Sequence[Effect | Exception]] = lambda *_: ()
        self.refusal: AuricleError | None = None
        """Raised by `send` and `configure`."""
        self.gate = asyncio.Event()
        """While it is cleared, `send` waits."""
        self.gate.set()
        self.closed = asyncio.Event()
        self._effects: asyncio.Queue[Effect | Exception | None] = asyncio.Queue()

    @property
    def now_s(self) -> float:
        return len(self.pcm) / SAMPLE_RATE

    async def send(self, pcm: Pcm) -> None:
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        self.pcm = np.concatenate([self.pcm, pcm])
        self._tell("send")

    async def commit(self) -> None:
        self._tell("commit")

    def clear(self) -> None:
        self._tell("clear")

    async def finish(self) -> None:
        self._tell("finish")
        self._effects.put_nowait(None)

    def configure(self, live: LiveOptions, options: DecodeOptions) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.configured.append((live, options))

    def say(self, *effects: Effect | Exception) -> None:
        for effect in effects:
            self._effects.put_nowait(effect)

    def _tell(self, what: Told) -> None:
        self.told.append(what)
        self.say(*self.says(self, what))

    async def __aiter__(self) -> AsyncIterator[Effect]:
        while (effect := await self._effects.get()) is not None:
            if isinstance(effect, Exception):
                raise effect
            yield effect


class FakeContainer:
    """A `ContainerStream` whose container is four bytes before 16 bit samples of 16 kHz; samples
    that begin with ``bad`` are damaged, at ``end`` the decoder ends, and those that begin with
    ``bug`` show a fault of ours."""

    def __init__(self) -> None:
        self._written: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def write(self, data: bytes) -> None:
        self._written.put_nowait(data)

    def end(self) -> None:
        self._written.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Pcm]:
        head = await self._written.get()
        while head is not None:
            samples, head = head.removeprefix(b"OggS"), None
            if samples.startswith(b"bad"):
                raise BadMedia("It is damaged.")
            if samples.startswith(b"end"):
                raise Unavailable("The decoder ended.")
            if samples.startswith(b"bug"):
                raise ValueError("nobody thought of that")
            yield np.frombuffer(samples[: len(samples) // 2 * 2], "<i2").astype(
                np.float32
            ) / np.float32(32768)
            head = await self._written.get()


class FakeRuntime:
    """``asked`` keeps the bytes of each recording with its options, ``keys`` who asked. ``opened``
    and ``cancelled`` tell a test that waits what happened to the last one. ``overload`` refuses
    before the upload is read, ``refusal`` after it. ``lives`` are the live streams opened, which
    ``live_says`` answers, see `FakeLive.says`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state: State = "starting"
        self.failure: AuricleError | None = None
        self.model_id = "base"
        self.aliases = Aliases(settings.model_aliases)
        self.files = FakeFiles()
        self.downloads = self.files.downloads()
        self.doctor = Doctor(lambda: FOUND)
        self.hold = asyncio.Event()
        self.hold.set()
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()
        self.reset()

    def reset(self) -> None:
        self.steps: Sequence[Step] = HELLO
        self.refusal: AuricleError | None = None
        self.overload: AuricleError | None = None
        self.keys: list[str] = []
        self.models: list[str] = []
        self.changes: list[tuple[str, str]] = []
        self.in_use: set[str] = set()
        self.speakers_state: managed_model.State = "unloaded"
        self.language: Language | None = Language("en", 0.9)
        self.duration_s = 2.5
        self.track: AudioTrack | None = AudioTrack(1, 1)
        self.warnings: tuple[str, ...] = ()
        self.speakers: tuple[Speaker, ...] = ()
        self.turns: tuple[Turn, ...] = ()
        self.asked: list[tuple[bytes, DecodeOptions]] = []
        self.n_proofs = 0
        self.n_live = 0
        self.live_lag_s = 0.0
        self.proof = asyncio.Event()
        self.proof.set()
        self.doubt: AuricleError | None = None
        self.opened = asyncio.Event()
        self.opened_twice = asyncio.Event()
        self.lives: list[FakeLive] = []
        self.containers = 0
        self.live_says: Callable[[FakeLive, Told], Sequence[Effect | Exception]] = lambda *_: ()
        self.cancelled = asyncio.Event()

    def _note(self, path: Path, options: DecodeOptions) -> None:
        self.asked.append((path.read_bytes(), options))
        self.opened.set()
        if len(self.asked) == 2:
            self.opened_twice.set()

    async def start(self) -> None:
        await self.hold.wait()
        self.state = "failed" if self.failure else "ready"
        self.started.set()

    async def stop(self) -> None:
        self.state = "stopping"
        await self.downloads.close()
        self.files.remove()
        self.stopped.set()

    def check_room(self, key: str = "") -> None:
        self.keys.append(key)
        if self.overload is not None:
            raise self.overload
        if self.state != "ready":
            raise Unavailable(f"the server is {self.state}", retry_after_s=1.5)

    @property
    def loaded(self) -> list[str]:
        return [self.model_id] if self.state == "ready" else []

    async def prove(self) -> None:
        self.n_proofs += 1
        await self.proof.wait()
        if self.doubt is not None:
            raise self.doubt

    @property
    def backlog_s(self) -> float:
        return 12.5

    def predict_s(self, audio_s: float) -> float:
        return audio_s / 10

    async def diarize(
        self, path: Path, options: SpeakerOptions, key: str = "", audio_track: str | None = None
    ) -> Diarization:
        self.check_room(key)
        self._note(path, DecodeOptions(speakers=options, audio_track=audio_track))
        if self.refusal is not None:
            raise self.refusal
        return Diarization(self.speakers, self.turns, self.duration_s, self.track, self.warnings)

    async def find(self, name: str, key: str = "") -> None:
        self._named(name)

    async def status(self, name: str) -> ModelStatus:
        if name == SPEAKERS.name:
            return replace(SPEAKERS, state=self.speakers_state)
        return BASE if self._named(name) == "base" else SMALL

    async def statuses(self) -> list[ModelStatus]:
        return [BASE, SMALL]

    async def load(self, name: str, key: str = "") -> ModelStatus:
        self.changes.append(("load", self._named(name)))
        return replace(await self.status(name), state="ready")

    async def unload(self, name: str, key: str = "") -> ModelStatus:
        if self._named(name) in self.in_use:
            raise InvalidRequest("The model is in use.", code="model_in_use")
        self.changes.append(("unload", self._named(name)))
        return replace(await self.status(name), state="unloaded", memory_bytes=0)

    def _named(self, name: str) -> str:
        """It knows two models: the one it was started with, and one that is not loaded."""
        meant = self.aliases.meant(name)
        known = registry.resolve(meant)
        if registry.is_default_alias(meant) or (known and known.id == "base"):
            return "base"
        if known and known.id == "small":
            return "small"
        raise ModelNotFound(f"The model `{name}` is not here.", code="model_not_found")

    @contextlib.asynccontextmanager
    async def open(
        self,
        path: Path,
        options: DecodeOptions,
        key: str = "",
        model: str = "",
        ledger: Ledger | None = None,
    ) -> AsyncIterator[FakeTranscription]:
        self._named(model)
        self.models.append(model)
        if self.refusal is not None:
            raise self.refusal
        self._note(path, options)
        try:
            yield FakeTranscription(
                options.task,
                self.language,
                self.duration_s,
                self.steps,
                self.track,
                self.warnings,
                None if options.speakers is None else self.speakers,
                ledger,
            )
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    @contextlib.asynccontextmanager
    async def open_container(self) -> AsyncIterator[FakeContainer]:
        if self.refusal is not None:
            raise self.refusal
        self.containers += 1
        try:
            yield FakeContainer()
        finally:
            self.containers -= 1

    @contextlib.asynccontextmanager
    async def open_live(
        self, live: LiveOptions, options: DecodeOptions, key: str = "", model: str = ""
    ) -> AsyncIterator[FakeLive]:
        self.check_room(key)
        self.models.append(model)
        self._named(model)
        if self.refusal is not None:
            raise self.refusal
        stream = FakeLive(live, options)
        stream.says = self.live_says
        self.lives.append(stream)
        try:
            yield stream
        finally:
            stream.closed.set()
