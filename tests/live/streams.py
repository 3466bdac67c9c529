"""Live streams on an engine that says what a clock says: words at known times."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from auricle.engine.protocol import Engine
from auricle.errors import InvalidRequest
from auricle.live import transcription
from auricle.live.backend import LiveBackend
from auricle.live.effects import Effect, Final
from auricle.live.load import LiveLoad
from auricle.live.options import LiveOptions
from auricle.live.places import ReadingPlaces
from auricle.live.transcription import LiveTranscription
from auricle.live.vad import SpeechState
from auricle.models import abilities
from auricle.queue.queue import Queue
from auricle.reading import jobs
from auricle.reading.model import ReadingModel
from auricle.speech.vad import FRAME
from auricle.types import SAMPLE_RATE, DecodeOptions, Pcm
from tests.fakes import VOCABULARY, Engines, FakeRow, FakeText, ramp
from tests.hosting.fakes import checkpoint
from tests.waiting import until

Words = Sequence[tuple[str, float]]
"""Words, and when each is over."""


@dataclass(frozen=True)
class Spoken(FakeText):
    """A text without timestamps."""

    def ids(self, heard: FakeRow) -> tuple[int, ...]:
        return tuple(VOCABULARY.encode(self.text))


def saying(words: Words):
    """Hears in a window what was said in it, once it is over, behind what it must begin with."""

    def hear(heard: FakeRow) -> FakeText:
        end_s = heard.start_s + heard.duration_s
        said = [word for word, at_s in words if heard.start_s < at_s <= end_s]
        text = "".join(f" {word}" for word in said)
        assert text.startswith(heard.prefix) or heard.prefix == text[: len(heard.prefix)]
        return Spoken(text)

    return hear


class Hearing:
    """Speech in these spans of one stream, in seconds."""

    def __init__(self, *spans: tuple[float, float]) -> None:
        self.spans = spans
        self.n_samples = 0

    async def probabilities(self, pcm: Pcm, state: SpeechState) -> tuple[list[float], SpeechState]:
        first, self.n_samples = self.n_samples // FRAME, self.n_samples + len(pcm)
        times_s = [i * FRAME / SAMPLE_RATE for i in range(first, self.n_samples // FRAME)]
        is_speech = [any(start <= at < end for start, end in self.spans) for at in times_s]
        return [0.9 if each else 0.01 for each in is_speech], state


class FakeEndOfTurn:
    """``answers`` is how probable ends are, pause by pause; ``heard_s`` is what it was shown.
    While ``gate`` is cleared nothing is answered. ``refusal``: it is not there."""

    def __init__(self) -> None:
        self.answers: list[float | None] = []
        self.heard_s: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusal: InvalidRequest | None = None

    def check(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def end_probability(self, pcm: Pcm) -> float | None:
        self.heard_s.append(len(pcm) / SAMPLE_RATE)
        await self.gate.wait()
        return self.answers.pop(0)


class Recorder:
    """An `Observer` that keeps the names of what it is told."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        self.names.append(name)

    def record(self, name: str, value: float, **labels: str) -> None:
        assert value >= 0
        self.names.append(name)


class Streams:
    """A model's queue and what its live streams share."""

    def __init__(self, words: Words, *spans: tuple[float, float]) -> None:
        self.engines = Engines(hear=saying(words))
        self.hearing = Hearing(*spans)
        self.load = LiveLoad(max_sessions=2, clock=lambda: 0.0)
        self.places = ReadingPlaces()
        self.end_of_turn = FakeEndOfTurn()
        self.queue = Queue(self._start, batch_cost=jobs.batch_cost(8))
        self.queue.kept_free_s = 0.0
        self.observer = Recorder()
        self.retry_s, self.stall_s = 0.0, 60.0

    async def _start(self) -> Engine:
        return await self.engines.start()

    @contextlib.asynccontextmanager
    async def opened(
        self, live: LiveOptions | None = None, options: DecodeOptions | None = None
    ) -> AsyncIterator[LiveTranscription]:
        model = ReadingModel(self.queue, VOCABULARY, 5.0, observer=self.observer)
        possible = partial(abilities.possible, checkpoint=checkpoint("base"), default_language=None)
        backend = LiveBackend(
            self.hearing.probabilities,
            self.load,
            self.places,
            model,
            possible,
            self.end_of_turn,
            self.stall_s,
            self.retry_s,
        )
        live = live or LiveOptions(language="en")
        async with transcription.transcribed(backend, live, options or DecodeOptions()) as stream:
            yield stream

    async def __aenter__(self) -> Streams:
        await self.queue.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.queue.close()


async def speak(stream: LiveTranscription, start_s: float, seconds: float) -> None:
    """Send so much audio, 100 ms at a time, on an engine that needs no time."""
    pcm = ramp(start_s, seconds)
    for first in range(0, len(pcm), 1600):
        await stream.send(pcm[first : first + 1600])
        await until(lambda: not stream._tasks)


async def rest_of(stream: LiveTranscription) -> list[Effect]:
    """All effects up to the end."""
    await stream.finish()
    return [effect async for effect in stream]


def finals(effects: Sequence[Effect]) -> list[tuple[int, str]]:
    return [
        (effect.turn, "".join(word.text for word in effect.words))
        for effect in effects
        if isinstance(effect, Final)
    ]
