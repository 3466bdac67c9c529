"""A live stream being transcribed: its audio is heard, its windows are read by a model's queue.

Knows nothing about sockets or dialects, or how a window is read. Everything that is decided, a
`LiveSession` decides; this is what drives it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from auricle.errors import AuricleError, Overloaded
from auricle.live.backend import LiveBackend
from auricle.live.effects import (
    Effect,
    Forgotten,
    ReadRequest,
    ReadResult,
    ReadWanted,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnStarted,
)
from auricle.live.load import RETRY_AFTER_S
from auricle.live.options import LiveOptions
from auricle.live.recognition import Recognizer
from auricle.live.session import END_OF_TURN_AUDIO_S, LiveSession
from auricle.live.times import LiveTimes
from auricle.live.vad import SpeechState
from auricle.queue.admission import Admission
from auricle.queue.policy import Priority
from auricle.reading.encoded import opened
from auricle.telemetry import tracing
from auricle.telemetry.observe import span
from auricle.types import SAMPLE_RATE, DecodeOptions, Pcm, Window

HOP = 1024
"""Samples that are heard at a time, 64 ms: half as many would take a third more time."""

PIECE = 8000
"""Samples that are taken at a time, 0.5 s: what comes faster than it is spoken waits in between."""

MAX_UNREAD_S = 12.0
"""Speech received and not read, above which no more is taken for the moment."""

MAX_EFFECTS = 1000
"""Effects that nobody has taken yet, above which no more audio is taken."""

_NO_PAUSE = SpeechResumed | TurnEnded | Forgotten
"""The speaker does not pause any more, or their turn is over."""

_NOTHING = np.zeros(0, np.float32)


class LiveTranscription:
    """A `LiveStream`. One reading runs at a time; the final one of a turn takes the place of a
    partial one."""

    def __init__(
        self, backend: LiveBackend, admission: Admission, live: LiveOptions, options: DecodeOptions
    ) -> None:
        self._backend, self._admission = backend, admission
        live, self._recognizer = self._configured(live, options)
        self._session = LiveSession(live)
        self._speech = SpeechState.initial()
        self._pending = _NOTHING
        self._effects: asyncio.Queue[Effect | BaseException | None] = asyncio.Queue()
        self._progress = asyncio.Event()
        self._is_finished = False
        self._reading: asyncio.Task[None] | None = None
        self._predicting: asyncio.Task[None] | None = None
        self._turn_start_s = 0.0
        self._times = LiveTimes(backend.model.observer)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def now_s(self) -> float:
        """How much audio was received."""
        return self._session.now_s

    async def send(self, pcm: Pcm) -> None:
        for start in range(0, len(pcm), PIECE):
            piece = pcm[start : start + PIECE]
            piece = piece if len(pcm) <= PIECE else piece.copy()  # else all of it is kept
            self._session.interval_s = self._interval_s()
            self._session.is_crowded = self._backend.is_crowded
            effects = self._session.push(piece, ())
            self._times.receive(self.now_s)
            self._backend.load.receive(self, len(piece) / SAMPLE_RATE)
            self._apply(effects)
            self._pending = np.concatenate([self._pending, piece])
            if len(self._pending) >= HOP:
                await self._detect_speech()
            await self._caught_up()

    async def commit(self) -> None:
        await self._detect_speech()
        self._apply(self._session.commit())

    def clear(self) -> None:
        self._times.forget()
        self._apply(self._session.clear())

    async def finish(self) -> None:
        await self._detect_speech()
        self._is_finished = True
        self._apply(self._session.finish())

    def configure(self, live: LiveOptions, options: DecodeOptions) -> None:
        live, self._recognizer = self._configured(live, options)
        self._session.configure(live)

    async def __aiter__(self) -> AsyncIterator[Effect]:
        while (effect := await self._effects.get()) is not None:
            self._progress.set()
            if isinstance(effect, BaseException):
                raise effect
            yield effect

    async def close(self) -> None:
        """Cancel what is being read."""
        self._is_finished = True
        self._backend.places.forget(self)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _configured(
        self, live: LiveOptions, options: DecodeOptions
    ) -> tuple[LiveOptions, Recognizer]:
        model = self._backend.model
        given = replace(options, language=live.language or options.language)
        possible = self._backend.possible(replace(given, words=True))
        if live.turns.ending == "semantic":
            self._backend.end_of_turn.check()
        recognizer = Recognizer(model.vocabulary, model.late_s, possible, model.thresholds)
        return replace(live, language=possible.language), recognizer

    def _interval_s(self) -> float:
        n_workers = self._backend.model.queue.n_workers
        return self._backend.load.interval_s(self._session.options.interval_s, n_workers)

    async def _detect_speech(self) -> None:
        """Find out who speaks in what was received."""
        pcm, self._pending = self._pending, _NOTHING
        found, self._speech = await self._backend.vad(pcm, self._speech)
        self._apply(self._session.push(_NOTHING, found))

    async def _caught_up(self) -> None:
        """Return once there is room for more."""
        while self._session.unread_s > MAX_UNREAD_S or self._effects.qsize() > MAX_EFFECTS:
            self._progress.clear()
            try:
                async with asyncio.timeout(self._backend.stall_s):
                    await self._progress.wait()
            except TimeoutError as exc:
                raise Overloaded(
                    f"{self._session.unread_s:.0f} seconds of speech wait to be read, and nothing "
                    f"has become of them for {self._backend.stall_s:g} s.",
                    code="rate_limit_exceeded",
                    retry_after_s=RETRY_AFTER_S,
                ) from exc

    def _apply(self, effects: Iterable[Effect]) -> None:
        """Do what effects ask for, and hand them out."""
        for effect in effects:
            if isinstance(effect, ReadWanted):
                self._backend.have_read(self, self._begin, self._session.overdue_s, effect.kind)
                continue
            if isinstance(effect, TurnStarted | SpeechResumed):
                self._backend.load.speaks(self, is_speaking=True)
            elif isinstance(effect, SpeechPaused | TurnEnded | Forgotten):
                self._backend.load.speaks(self, is_speaking=False)
            self._predict_end_of_turn(effect)
            self._times.look(effect)
            self._effects.put_nowait(effect)
        self._reserve()
        self._progress.set()
        if self._is_finished and self._session.is_idle:
            self._effects.put_nowait(None)

    def _reserve(self) -> None:
        """Have the engine kept free while there is something to read."""
        queue = self._backend.model.queue
        queue.speaks(self._admission, is_speaking=not self._session.is_read)

    def _predict_end_of_turn(self, effect: Effect) -> None:
        """Ask whether a speaker who pauses has finished, as long as nothing else is heard."""
        if isinstance(effect, TurnStarted):
            self._turn_start_s = effect.start_s
        if isinstance(effect, _NO_PAUSE) and self._predicting is not None:
            self._predicting.cancel()
        elif isinstance(effect, SpeechPaused) and self._session.options.turns.ending == "semantic":
            pcm = self._session.recent(min(self.now_s - self._turn_start_s, END_OF_TURN_AUDIO_S))
            self._predicting = self._task(self._predict(pcm), "end-of-turn prediction")

    async def _predict(self, pcm: Pcm) -> None:
        probability = await self._backend.end_of_turn.end_probability(pcm)
        self._predicting = None
        if probability is not None:
            self._apply(self._session.take_end_probability(probability))

    def _task(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task of this stream; what it raises, the stream does."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _begin(self) -> None:
        """Read what is due. What is being read does not count any more."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        request = self._session.next_read()
        if request is not None:
            self._times.begin(request, self._session.options.interval_s)
            self._reading = self._task(self._read(request), "live reading")
            self._backend.places.hold(self._reading)
            if request.kind == "partial":
                self._backend.load.begin(self)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._backend.places.leave(task, self._backend.n_places)
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._effects.put_nowait(exc)

    async def _read(self, request: ReadRequest) -> None:
        try:
            answer = await self._hypothesis(request)
        except AuricleError as exc:
            task = asyncio.current_task()
            self._backend.places.leave(task, self._backend.n_places)
            await asyncio.sleep(self._backend.retry_s)
            effects = self._session.fail(request.id, exc.message)
        else:
            effects = self._session.answer(request.id, answer)
        self._reading = None
        self._apply(effects)

    async def _hypothesis(self, request: ReadRequest) -> ReadResult:
        model, is_final = self._backend.model, request.kind == "final"
        priority = Priority.LIVE_FINAL if is_final else Priority.LIVE_PARTIAL
        window = Window(0, request.start_s, request.pcm, ())
        timed = span(model.observer, "live_read_s", kind=request.kind)
        traced = tracing.spanning("live.read", kind=request.kind, audio_s=window.duration_s)
        with timed, traced, opened(model.queue, self._admission, window, priority) as encoded:
            answer = await self._recognizer.read(encoded, request, self._backend.read_mode)
            if not is_final:
                self._backend.load.note(self, encoded.busy_s)
        return answer


@contextlib.asynccontextmanager
async def transcribed(
    backend: LiveBackend, live: LiveOptions, options: DecodeOptions, key: str = ""
) -> AsyncIterator[LiveTranscription]:
    """A stream of the client ``key``, until the context is left, which cancels what is being read.

    Raises:
        InvalidRequest: the model cannot do what the options ask.
        Overloaded: there are as many streams as can be followed.
    """
    with contextlib.ExitStack() as stack:
        try:
            admission = stack.enter_context(backend.model.queue.admit_live(key))
            stream = LiveTranscription(backend, admission, live, options)
            stack.enter_context(_counted(backend, stream))
        except Overloaded:
            backend.model.observer.count("live_refused")
            raise
        try:
            yield stream
        finally:
            await stream.close()


@contextlib.contextmanager
def _counted(backend: LiveBackend, stream: LiveTranscription) -> Iterator[None]:
    backend.load.enter(stream, backend.model.queue.n_workers)
    try:
        yield
    finally:
        backend.load.leave(stream)
