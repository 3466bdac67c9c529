"""A runtime without a model: it says what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auricle.config import Settings
from auricle.errors import AuricleError, Unavailable
from auricle.types import Language, Options, Segment, Task


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

    async def __aiter__(self) -> AsyncIterator[Segment]:
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, asyncio.Event):
                await step.wait()
            else:
                yield step


class FakeRuntime:
    """``asked`` keeps the bytes of each recording with its options, ``keys`` who asked. ``opened``
    and ``cancelled`` tell a test that waits what happened to the last one. ``overload`` refuses
    before the upload is read, ``refusal`` after it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state: Literal["starting", "ready", "failed", "stopping"] = "starting"
        self.failure: AuricleError | None = None
        self.model_id = "base"
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
        self.language: Language | None = Language("en", 0.9)
        self.duration_s = 2.5
        self.asked: list[tuple[bytes, Options]] = []
        self.opened = asyncio.Event()
        self.opened_twice = asyncio.Event()
        self.cancelled = asyncio.Event()

    def _note(self, path: Path, options: Options) -> None:
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

    def transcriber(self, key: str = "") -> None:
        self.keys.append(key)
        if self.overload is not None:
            raise self.overload
        if self.state != "ready":
            raise Unavailable(f"the server is {self.state}", retry_after_s=1.5)

    @contextlib.asynccontextmanager
    async def open(
        self, path: Path, options: Options, key: str = ""
    ) -> AsyncIterator[FakeTranscription]:
        if self.refusal is not None:
            raise self.refusal
        self._note(path, options)
        try:
            yield FakeTranscription(options.task, self.language, self.duration_s, self.steps)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
