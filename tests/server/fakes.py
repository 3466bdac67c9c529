"""A runtime without a model: it says what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auricle.config import Settings
from auricle.errors import AuricleError, InvalidRequest, ModelNotFound, Unavailable
from auricle.hosting.aliases import Aliases
from auricle.models import registry
from auricle.speech_runtime import ModelStatus, State
from auricle.types import AudioTrack, DecodeOptions, Language, Segment, Task


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

Step = Segment | Exception | asyncio.Event
"""A segment to yield, an error to raise, or something to wait for."""


@dataclass
class FakeTranscription:
    task: Task
    language: Language | None
    duration_s: float
    steps: Sequence[Step]
    track: AudioTrack | None = None
    warnings: tuple[str, ...] = ()

    async def __aiter__(self) -> AsyncIterator[Segment]:
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, asyncio.Event):
                await step.wait()
            else:
                yield step


BASE = ModelStatus(
    "base", "ready", None, 300 * 1024 * 1024, 2, 5, "cpu", "int8_float32", ("en", "de"), 0.05
)
SMALL = ModelStatus("small", "unloaded")


class FakeRuntime:
    """``asked`` keeps the bytes of each recording with its options, ``keys`` who asked. ``opened``
    and ``cancelled`` tell a test that waits what happened to the last one. ``overload`` refuses
    before the upload is read, ``refusal`` after it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state: State = "starting"
        self.failure: AuricleError | None = None
        self.model_id = "base"
        self.aliases = Aliases(settings.model_aliases)
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
        self.language: Language | None = Language("en", 0.9)
        self.duration_s = 2.5
        self.track: AudioTrack | None = AudioTrack(1, 1)
        self.warnings: tuple[str, ...] = ()
        self.asked: list[tuple[bytes, DecodeOptions]] = []
        self.n_proofs = 0
        self.proof = asyncio.Event()
        self.proof.set()
        self.doubt: AuricleError | None = None
        self.opened = asyncio.Event()
        self.opened_twice = asyncio.Event()
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

    async def find(self, name: str) -> None:
        self._named(name)

    async def status(self, name: str) -> ModelStatus:
        return BASE if self._named(name) == "base" else SMALL

    async def statuses(self) -> list[ModelStatus]:
        return [BASE, SMALL]

    async def load(self, name: str) -> ModelStatus:
        self.changes.append(("load", self._named(name)))
        return replace(await self.status(name), state="ready")

    async def unload(self, name: str) -> ModelStatus:
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
        self, path: Path, options: DecodeOptions, key: str = "", model: str = ""
    ) -> AsyncIterator[FakeTranscription]:
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
            )
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
