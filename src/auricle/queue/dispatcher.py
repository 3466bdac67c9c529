"""Runs queued jobs on an engine: one task dispatches, and every call to the engine is a task that
is owned here, so nothing that was queued is left without an answer.

Knows nothing about audio, text or what is read again.

Why it is so: docs/decisions.md, Structure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from auricle.engine.protocol import Engine, EngineDied, ModelInfo, ReleaseJob
from auricle.errors import AuricleError, EngineFailed, Unavailable
from auricle.queue.job import AnyJob
from auricle.queue.policy import Decode, Encode, Policy, Priority
from auricle.queue.supervisor import EngineSupervisor, Timer
from auricle.queue.window import QueuedWindow
from auricle.telemetry import request_id
from auricle.telemetry.observe import NULL_OBSERVER, Observer, span

SUSPECT_FAILURES = 2
"""A window that was in so many calls whose engine died, or in one that failed otherwise, runs
alone, to find out whether it is at fault."""

RETRY_AFTER_S = 5.0
"""What those are told whose work could not be done for want of an engine."""

SHUTTING_DOWN = "the server is shutting down"

_log = logging.getLogger(__name__)


class Dispatcher:
    """Windows `join`, wait with their jobs by `enqueue`, and are told by their ``replies``. For the
    event loop only."""

    def __init__(
        self,
        start_engine: Callable[[], Awaitable[Engine]],
        policy: Policy,
        timer: Timer | None = None,
        observer: Observer = NULL_OBSERVER,
    ) -> None:
        self.wake = asyncio.Event()  # another job may run
        self.supervisor = EngineSupervisor(start_engine, self.wake.set, timer, observer)
        self._observer = observer
        self._policy = policy
        self._windows: dict[int, QueuedWindow] = {}
        self._suspects: list[QueuedWindow] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._releases: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def n_windows(self) -> int:
        """Windows waiting or being read."""
        return len(self._windows)

    async def start(self) -> ModelInfo:
        """Start the engine and dispatch. Raises what starting the engine raises."""
        info = await self.supervisor.start()
        self._task = asyncio.create_task(self._dispatch(), name="dispatcher")
        return info

    async def close(self) -> None:
        """Stop at once; windows without an answer are failed with `Unavailable`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self.supervisor.close()
        if owned := self._calls | self._releases:
            await asyncio.wait(owned)
        self._fail_all(SHUTTING_DOWN)

    def join(self, window: QueuedWindow) -> None:
        """Take in a window, which has no job yet."""
        self._windows[window.id] = window

    def enqueue(self, window: QueuedWindow) -> None:
        """Let a window wait in its place for what must be done next for it.

        Raises:
            Unavailable: the server is shutting down.
        """
        if self._task is None or self._task.done():
            raise unavailable(SHUTTING_DOWN)
        self._put(window)

    def dequeue(self, window: QueuedWindow) -> None:
        """A window waits no longer; fine if it does not."""
        self._policy.leave(window.id)
        if window in self._suspects:
            self._suspects.remove(window)

    def leave(self, window: QueuedWindow) -> None:
        """Nobody needs a window any more; the engine stops what it does for it, if it can."""
        self.dequeue(window)
        del self._windows[window.id]
        if window.states_in is not None or window.n_running:
            self._release(window)

    # Dispatching

    async def _dispatch(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            try:
                if self.supervisor.engine is None and not self._calls:
                    await self._replace_engine()
                if self.supervisor.engine is not None:
                    self._start_calls(self.supervisor.engine)
            except Exception as exc:  # noqa: BLE001  # the border: nothing may end this task
                _log.exception("dispatching failed")
                self._fail_all(f"the server made a mistake: {exc!r}")

    def _put(self, window: QueuedWindow) -> None:
        self.wake.set()
        if window.n_failures >= SUSPECT_FAILURES:
            if window not in self._suspects:
                self._suspects.append(window)
            return
        job = window.next_job(self.supervisor.engine)
        window.queued_s = asyncio.get_running_loop().time()
        if window.entry is None:
            window.entry = self._policy.arrive(
                window.id, window.request_id, window.priority, window.audio_s, job.key
            )
        self._policy.wait(window.entry, job.key, job.batch_in(self.supervisor.engine))

    async def _replace_engine(self) -> None:
        if await self.supervisor.replace() is None:
            self._fail_all(f"the engine could not be started: {self.supervisor.failure}")
        for window in self._windows.values():
            if window.job is not None:
                self._put(window)

    def _start_calls(self, engine: Engine) -> None:
        self._policy.n_workers = engine.info.workers  # of several, some may have come or gone
        while (n_free := engine.info.workers - len(self._calls)) > 0:
            if self._suspects:
                if not self._calls:
                    self._start_call(engine, [self._suspects.pop(0)])
                return  # the others go on when the suspect is done
            match self._policy.choose(n_free, is_recording_read=_reads_recording(self._windows)):
                case Encode(ids, _) | Decode(ids, _):
                    self._start_call(engine, [self._windows[each] for each in ids])
                case None:
                    return

    def _start_call(self, engine: Engine, windows: Sequence[QueuedWindow]) -> None:
        for window in windows:
            window.n_running += 1
        jobs = {window.id: window.next_job(engine) for window in windows}
        _record_start(self._observer, windows, jobs[windows[0].id])
        call = asyncio.create_task(self._call(engine, windows, jobs))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        call.add_done_callback(lambda _: self.wake.set())

    async def _call(
        self, engine: Engine, windows: Sequence[QueuedWindow], jobs: dict[int, AnyJob]
    ) -> None:
        """One call to the engine, for windows whose jobs agree."""
        first = jobs[windows[0].id]
        asked_for = ", ".join(dict.fromkeys(each.asked_for for each in windows if each.asked_for))
        try:
            with request_id.bound(asked_for), _timed(self._observer, first):
                await self._answered(engine, windows, jobs)
            error: Exception = EngineFailed("the engine left it unanswered")
        except EngineDied as exc:
            error = exc
            self.supervisor.lose(engine, exc)
        except Exception as exc:  # noqa: BLE001  # the border: whoever waits is told
            error = exc
            _log.error("a call failed", exc_info=exc)
        for window in windows:
            window.n_running -= 1
            if (unanswered := jobs.get(window.id)) is not None:
                _record_end(window, first, len(windows), error)
                if window.is_for(unanswered):
                    self._failed(window, error)
            if window.id not in self._windows:
                self._release(window)

    async def _answered(
        self, engine: Engine, windows: Sequence[QueuedWindow], jobs: dict[int, AnyJob]
    ) -> None:
        """Hand out the engine's replies; jobs that had their last are taken out of ``jobs``."""
        rows = [job.row for job in jobs.values()]
        is_alone = len(windows) == sum(each.job is not None for each in self._windows.values())
        by_id = {window.id: window for window in windows}
        call = jobs[windows[0].id].call
        async for window_id, reply, is_last in call(engine, rows, is_alone):
            if is_last:
                _record_end(by_id[window_id], jobs[window_id], len(windows))
            job = jobs.pop(window_id) if is_last else jobs[window_id]
            self._reply(engine, by_id[window_id], job, reply, is_last=is_last)

    def _reply(
        self, engine: Engine, window: QueuedWindow, job: AnyJob, reply: object, *, is_last: bool
    ) -> None:
        if is_last and not job.needs_states:
            window.states_in = engine
        if window.job is job:
            window.replies.put_nowait(reply)
            if is_last:
                window.end()
        elif is_last and window.is_for(job):
            self._put(window)  # now that it has the states it needs

    def _failed(self, window: QueuedWindow, error: Exception) -> None:
        """Blame the window if it ran alone; else it runs once more, alone if it may be at fault."""
        if window.n_failures >= SUSPECT_FAILURES:
            window.end(_blame(window, error))
            return
        died = isinstance(error, EngineDied)
        window.n_failures = window.n_failures + 1 if died else SUSPECT_FAILURES
        window.states_in = None
        self._put(window)

    def _fail_all(self, reason: str) -> None:
        for window in self._windows.values():
            if window.job is not None:
                window.end(unavailable(reason))
            self.dequeue(window)

    def _release(self, window: QueuedWindow) -> None:
        if self.supervisor.engine is not None:
            task = asyncio.create_task(_release(self.supervisor.engine, window.id))
            self._releases.add(task)
            task.add_done_callback(self._releases.discard)


def _reads_recording(windows: Mapping[int, QueuedWindow]) -> bool:
    """Whether a call runs for a window that is not live."""
    running = (window for window in windows.values() if window.n_running)
    return any(window.priority > Priority.LIVE_PARTIAL for window in running)


def _timed(observer: Observer, job: AnyJob) -> AbstractContextManager[None]:
    return span(observer, "engine_call_s", call=job.name)


def _record_start(observer: Observer, windows: Sequence[QueuedWindow], job: AnyJob) -> None:
    now_s = asyncio.get_running_loop().time()
    for window in windows:
        priority = window.priority.name.lower()
        waited_s, window.begun_s = now_s - window.queued_s, now_s
        observer.record("queue_wait_s", waited_s, priority=priority)
        window.span.past("queue.wait", waited_s, priority=priority, call=job.name)
    observer.record("engine_call_rows", len(windows), call=job.name)


def _record_end(
    window: QueuedWindow, job: AnyJob, n_rows: int, error: Exception | None = None
) -> None:
    took_s = asyncio.get_running_loop().time() - window.begun_s
    if error is None:
        window.busy_s += took_s / n_rows
    failed = {} if error is None else {"error": type(error).__name__}
    window.span.past(f"engine.{job.name}", took_s, rows=n_rows, **failed)


async def _release(engine: Engine, window_id: int) -> None:
    with contextlib.suppress(EngineDied):  # and its encoder states with it
        await engine.release(ReleaseJob((window_id,)))


def _blame(window: QueuedWindow, error: Exception) -> AuricleError:
    if isinstance(error, EngineDied):
        n_deaths = window.n_failures + 1
        return EngineFailed(f"the engine died {n_deaths} times on {window.label} ({error})")
    if isinstance(error, AuricleError):
        return error
    return EngineFailed(f"reading {window.label} failed: {error!r}")


def unavailable(reason: str) -> Unavailable:
    return Unavailable(reason, retry_after_s=RETRY_AFTER_S)
