"""The queue of one model: requests are admitted, their windows enter, and run jobs one by one.

Knows nothing about text, languages or what is read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import TypeVar, cast

from auricle.engine.protocol import Engine, ModelInfo
from auricle.errors import AuricleError
from auricle.queue.admission import Admission, AdmissionControl, Backlog
from auricle.queue.dispatcher import Dispatcher
from auricle.queue.job import Job
from auricle.queue.policy import Policy, Priority
from auricle.queue.supervisor import Timer
from auricle.queue.window import Ended, QueuedWindow
from auricle.telemetry import request_id, tracing
from auricle.telemetry.observe import NULL_OBSERVER, Observer

MIN_WINDOWS_AHEAD = 4

KEPT_FREE_S = 3.0
"""For how long a worker is kept free for a live stream when all that was said in it is read:
whoever pauses goes on, and a call for a recording may take as long."""

_Row = TypeVar("_Row")
_Reply = TypeVar("_Reply")


class Queue:
    """`start`, `admit` requests, `enter` their windows, `run` jobs of these, `close`. For the event
    loop only."""

    def __init__(
        self,
        start_engine: Callable[[], Awaitable[Engine]],
        *,
        batch_cost: int,
        gpu_rows: int = 1,
        control: AdmissionControl | None = None,
        timer: Timer | None = None,
        observer: Observer = NULL_OBSERVER,
    ) -> None:
        """``batch_cost``: what jobs of one call may cost together; ``gpu_rows``: windows a GPU
        encodes together; ``control``: the server's, if there are other queues; ``timer``: what an
        engine that could not be started waits for; ``observer``: is told what runs."""
        self._policy = Policy(batch_cost)
        self._dispatcher = Dispatcher(start_engine, self._policy, timer, observer)
        self._gpu_rows = gpu_rows
        self._ids = itertools.count(1)
        self._control = control or AdmissionControl()
        self._backlog = self._control.open_queue()
        self.kept_free_s = KEPT_FREE_S
        self._giving_back: dict[int, asyncio.TimerHandle] = {}
        """By live request, what ends a worker's being kept free for it."""

    @property
    def n_requests(self) -> int:
        return len(self._backlog)

    @property
    def n_windows(self) -> int:
        """Windows waiting or being read."""
        return self._dispatcher.n_windows

    @property
    def backlog_s(self) -> float:
        """Predicted seconds until all that was admitted is done."""
        return self._backlog.wait_s()

    @property
    def failure(self) -> AuricleError | None:
        """Why there is no engine; None while there is one, or one is being started anew."""
        return self._dispatcher.supervisor.failure

    @property
    def n_workers(self) -> int:
        """Calls the engine answers at a time; 1 while there is none."""
        engine = self._dispatcher.supervisor.engine
        return 1 if engine is None else engine.info.workers

    @property
    def mixes_prompts(self) -> bool:
        """See `ModelInfo`; False while there is no engine."""
        engine = self._dispatcher.supervisor.engine
        return engine is not None and engine.info.mixes_prompts

    @property
    def windows_ahead(self) -> int:
        """Windows (2 MB of pcm each) a request should have waiting or running at a time: enough
        that no worker idles, with one job and the next, a batch of them on a GPU; the rest of the
        recording is better kept in its file."""
        engine = self._dispatcher.supervisor.engine
        if engine is None:
            return MIN_WINDOWS_AHEAD
        return max(MIN_WINDOWS_AHEAD, 2 * engine.info.workers * self._policy.encode_rows)

    async def start(self) -> ModelInfo:
        """Start the engine and serve. Raises what starting the engine raises."""
        info = await self._dispatcher.start()
        self._policy.n_workers = info.workers
        if info.device != "cpu":
            self._policy.encode_rows = self._gpu_rows
        return info

    async def close(self) -> None:
        """Stop at once; windows without an answer are failed with `Unavailable`."""
        await self._dispatcher.close()
        self._control.close_queue(self._backlog)

    @contextlib.contextmanager
    def admit(
        self, key: str = "", expected_s: float = 0.0, *, is_own: bool = False
    ) -> Iterator[Admission]:
        """Accept a request of ``key`` for about so much audio, for as long as the context lasts.
        ``is_own``: the server's own, which is never refused.

        Raises:
            Overloaded: see `AdmissionControl.check`.
        """
        if not is_own:
            self._control.check(key)
        admission = Admission(next(self._ids), self._backlog)
        self._backlog.admit(admission.request_id, key, expected_s)
        try:
            yield admission
        finally:
            self._backlog.end(admission.request_id)
            self._policy.forget_request(admission.request_id)

    @contextlib.contextmanager
    def admit_live(self, key: str = "") -> Iterator[Admission]:
        """Accept a live stream of ``key``. Raises what `AdmissionControl.live` raises."""
        with self.admit_background(key) as admission:
            try:
                with self._control.live(key):
                    self.speaks(admission, is_speaking=True)  # in a moment
                    self.speaks(admission, is_speaking=False)
                    yield admission
            finally:
                self._give_back(admission.request_id)

    @contextlib.contextmanager
    def admit_background(self, key: str = "") -> Iterator[Admission]:
        """Accept work that is no backlog: others are not refused because of it, nor is it."""
        admission = Admission(next(self._ids), Backlog())
        admission.backlog.admit(admission.request_id, key, 0.0)
        try:
            yield admission
        finally:
            self._policy.forget_request(admission.request_id)

    def speaks(self, admission: Admission, *, is_speaking: bool) -> None:
        """A live stream has speech that is not read yet, or none: see `Policy.speaking`."""
        own_id, speaking = admission.request_id, self._policy.speaking
        if is_speaking:
            speaking.add(own_id)
            if (timer := self._giving_back.pop(own_id, None)) is not None:
                timer.cancel()
        elif own_id in speaking and own_id not in self._giving_back:
            later = asyncio.get_running_loop().call_later
            self._giving_back[own_id] = later(self.kept_free_s, self._give_back, own_id)

    def _give_back(self, live_id: int) -> None:
        """Nothing is kept free any more for a live stream."""
        if (timer := self._giving_back.pop(live_id, None)) is not None:
            timer.cancel()
        if live_id in self._policy.speaking:
            self._policy.speaking.discard(live_id)
            self._dispatcher.wake.set()  # what was kept free for it can be used

    @contextlib.contextmanager
    def enter(
        self, admission: Admission, priority: Priority, end_s: float, audio_s: float, label: str
    ) -> Iterator[QueuedWindow]:
        """A place in the queue for a window of an admitted request, of ``audio_s`` up to ``end_s``
        of its recording. Leaving the context takes its jobs out of the queue, and out of the
        engine."""
        own_id, loop = admission.request_id, asyncio.get_running_loop()
        asked_for, span = request_id.current(), tracing.current()
        window = QueuedWindow(next(self._ids), own_id, priority, audio_s, label, asked_for, span)
        self._dispatcher.join(window)
        admission.backlog.queued(own_id, end_s, audio_s, loop.time())
        try:
            yield window
        except BaseException:
            admission.backlog.dropped()
            raise
        else:
            admission.backlog.done(own_id, audio_s, loop.time())
        finally:
            self._dispatcher.leave(window)

    async def run(
        self, window: QueuedWindow, job: Job[_Row, _Reply]
    ) -> AsyncGenerator[_Reply, None]:
        """Queue a job, and give the engine's replies to it as they come.

        Raises:
            EngineFailed: no engine survives it, or what the engine raised when it ran alone.
            Unavailable: there is no engine.
        """
        window.job, window.replies = job, asyncio.Queue()
        if not job.needs_states:
            window.states_job, window.states_in = job, None
        try:
            self._dispatcher.enqueue(window)
            while not isinstance(reply := await window.replies.get(), Ended):
                yield cast("_Reply", reply)
            if reply.error is not None:
                raise reply.error
        finally:
            window.job = None
            self._dispatcher.dequeue(window)

    async def result(self, window: QueuedWindow, job: Job[_Row, _Reply]) -> _Reply:
        """The last reply to a job. Raises what `run` raises."""
        async for reply in self.run(window, job):
            last = reply
        return last
