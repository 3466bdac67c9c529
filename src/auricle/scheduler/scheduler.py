"""Windows of every request in one queue, fed to one engine; an engine that dies is replaced.

Knows nothing about files, languages or formats. One task dispatches, and every job is a task the
scheduler owns, so nothing it was given is ever left without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TypeVar

from auricle.engine.protocol import (
    DecodeJob,
    EncodeJob,
    Engine,
    EngineDied,
    ModelInfo,
    ReleaseJob,
)
from auricle.errors import AuricleError, EngineFailed, Unavailable
from auricle.scheduler.admission import Gate
from auricle.scheduler.context import FULL_FRAMES, max_new_tokens, n_frames
from auricle.scheduler.fallback import REFERENCE, Rules
from auricle.scheduler.policy import Batch, Decode, Encode, Policy, Priority
from auricle.scheduler.request import Admission
from auricle.scheduler.ticket import Ticket
from auricle.types import DecodeOptions, Window

MIN_WINDOWS_AHEAD = 4

SUSPECT_DEATHS = 2
"""A window that was in this many dying engines runs alone, to find out whether it kills them."""

_log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


class Scheduler:
    """The queue of one model: `start`, `admit` requests, `close`. For the event loop only."""

    def __init__(
        self,
        start_engine: Callable[[], Awaitable[Engine]],
        *,
        batch_size: int = 8,
        margin_s: float = 10.0,
        gate: Gate | None = None,
        rules: Rules = REFERENCE,
    ) -> None:
        """``margin_s``: what the model needs behind the audio, see `scheduler.context`; ``gate``:
        the server's, if there are other queues; ``rules``: when a text is read again."""
        self._start_engine = start_engine
        self._engine: Engine | None = None
        self._lost: Engine | None = None
        self._policy = Policy(batch_size)
        self._margin_s = margin_s
        self._n_short = 0
        self._n_read_again = 0
        self._rules = rules
        self._ids = itertools.count(1)
        self._gate = gate or Gate()
        self._backlog = self._gate.open_queue()
        self._tickets: dict[int, Ticket] = {}
        self._suspects: list[Ticket] = []
        self._jobs: set[asyncio.Task[None]] = set()
        self._releases: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None

    @property
    def n_requests(self) -> int:
        return len(self._backlog)

    @property
    def backlog_s(self) -> float:
        """Predicted seconds until all that was admitted is done."""
        return self._backlog.wait_s()

    @property
    def windows_ahead(self) -> int:
        """What keeps every worker busy: with one job and the next, a batch of them on a GPU."""
        if self._engine is None:
            return MIN_WINDOWS_AHEAD
        info = self._engine.info
        rows = 1 if info.device == "cpu" else self._policy.batch_size
        return max(MIN_WINDOWS_AHEAD, 2 * info.workers * rows)

    @property
    def n_waiting(self) -> int:
        """Windows queued or running."""
        return len(self._tickets)

    @property
    def retried(self) -> float:
        """Share of the windows with a short context that were read again in full. A metric:
        nothing is decided by it."""
        return self._n_read_again / self._n_short if self._n_short else 0.0

    async def start(self) -> ModelInfo:
        """Start the engine and serve. Raises what starting the engine raises."""
        self._engine = await self._start_engine()
        if self._engine.info.device != "cpu":
            self._policy.encode_rows = self._policy.batch_size
        self._dispatcher = asyncio.create_task(self._dispatch(), name="scheduler")
        return self._engine.info

    async def close(self) -> None:
        """Stop at once; windows without an answer are failed with `Unavailable`."""
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            await asyncio.wait({self._dispatcher})
        for engine in filter(None, (self._engine, self._lost)):
            await engine.close()
        if owned := self._jobs | self._releases:
            await asyncio.wait(owned)
        self._fail_all(Unavailable("the server is shutting down", retry_after_s=5))
        self._gate.close_queue(self._backlog)

    def admit(self, key: str = "", expected_s: float = 0.0, *, is_own: bool = False) -> Admission:
        """Accept a request of ``key`` for about so much audio, to be used as a context manager.
        ``is_own``: the server's own, which is never refused. Raises what `Gate.check` raises."""
        if not is_own:
            self._gate.check(key)
        request_id = next(self._ids)
        self._backlog.admit(request_id, key, expected_s)
        return Admission(self, request_id, self._backlog)

    def submit(
        self,
        request_id: int,
        window: Window,
        options: DecodeOptions,
        language: str | None,
        priority: Priority,
    ) -> Ticket:
        """Queue a window of an admitted request; see `Admission`."""
        is_full = options.audio_context == "full"
        frames = FULL_FRAMES if is_full else n_frames(window.duration_s, self._margin_s)
        entry = self._policy.arrive(
            next(self._ids), request_id, priority, window.duration_s, frames
        )
        ticket = Ticket(window, options, language, entry, self._rules)
        if self._dispatcher is None or self._dispatcher.done():
            self._policy.leave(ticket.id)
            ticket.fail(Unavailable("the server is shutting down", retry_after_s=5))
            return ticket
        self._tickets[ticket.id] = ticket
        self._wake.set()
        return ticket

    def end_request(self, request_id: int) -> None:
        """Drop what is left of a request: queued windows now, running ones when they return."""
        self._policy.forget_request(request_id)
        for ticket in [t for t in self._tickets.values() if t.request_id == request_id]:
            self._forget(ticket)

    def drop(self, ticket: Ticket) -> None:
        """Nobody wants this window any more: a newer hypothesis of the same audio replaces it."""
        ticket.language.cancel()
        ticket.text.cancel()
        self._forget(ticket)

    # Dispatching

    async def _dispatch(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._engine is None and self._tickets and not self._jobs:
                await self._replace_engine()
            if self._engine is not None:
                self._start_jobs(self._engine)

    def _start_jobs(self, engine: Engine) -> None:
        while len(self._jobs) < engine.info.workers:
            if self._suspects:
                if not self._jobs:
                    suspect = self._suspects.pop(0)
                    self._start(self._run_alone(engine, suspect), [suspect])
                return  # the others go on when the suspect is done
            match self._policy.choose(engine.info.workers - len(self._jobs)):
                case Encode(window_ids, n_frames):
                    tickets = [self._tickets[window_id] for window_id in window_ids]
                    self._start(self._encode(engine, tickets, n_frames), tickets)
                case Decode(window_ids, batch):
                    tickets = [self._tickets[window_id] for window_id in window_ids]
                    self._start(self._decode(engine, tickets, batch), tickets)
                case None:
                    return

    def _start(self, job: Coroutine[None, None, None], tickets: Sequence[Ticket]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(lambda done: self._job_done(done, tickets))

    def _job_done(self, task: asyncio.Task[None], tickets: Sequence[Ticket]) -> None:
        self._jobs.discard(task)
        self._wake.set()
        if not task.cancelled() and (bug := task.exception()) is not None:
            _log.error("a job failed", exc_info=bug)
            self._fail(tickets, EngineFailed(f"reading the audio failed: {bug!r}"))

    def _fail(self, tickets: Sequence[Ticket], error: AuricleError) -> None:
        for ticket in tickets:
            ticket.is_running = False
            ticket.fail(error)
            self._forget(ticket)

    # Jobs: each answers its tickets, or puts them back into the queue

    async def _encode(self, engine: Engine, tickets: Sequence[Ticket], n_frames: int) -> None:
        rows = tuple(ticket.encode_row() for ticket in tickets)
        job = EncodeJob(rows, n_frames, is_alone=len(self._tickets) == len(rows))
        answer = await self._answer(engine, tickets, engine.encode(job))
        if answer is None:
            return
        for ticket, window in zip(tickets, answer.windows, strict=True):
            ticket.take_encoded(window)
            self._settle(ticket, n_frames)

    async def _decode(self, engine: Engine, tickets: Sequence[Ticket], batch: Batch) -> None:
        rows = tuple(ticket.decode_row() for ticket in tickets)
        limit = max_new_tokens(batch.n_frames, self._margin_s)
        job = DecodeJob(
            rows,
            batch.beam_size,
            batch.temperature,
            limit,
            batch.patience,
            batch.suppress_tokens,
        )
        answer = await self._answer(engine, tickets, engine.decode(job))
        if answer is None:
            return
        for ticket, text in zip(tickets, answer.windows, strict=True):
            is_short = batch.n_frames < FULL_FRAMES
            self._n_short += is_short and ticket.is_first_attempt
            ticket.take_text(text)
            self._n_read_again += is_short and ticket.n_frames == FULL_FRAMES
            self._settle(ticket, batch.n_frames)

    async def _answer(
        self, engine: Engine, tickets: Sequence[Ticket], asked: Awaitable[_Answer]
    ) -> _Answer | None:
        """What the engine answers about these windows; None when they were dealt with already."""
        for ticket in tickets:
            ticket.is_running = True
        try:
            return await asked
        except EngineDied as exc:
            self._engine_died(engine, tickets, exc)
        except AuricleError as exc:
            self._fail(tickets, exc)
        return None

    def _settle(self, ticket: Ticket, n_frames: int) -> None:
        """After a job: the ticket is done with, or goes on to its next."""
        ticket.is_running = False
        if ticket.text.done() or ticket.id not in self._tickets:
            self._forget(ticket)
        elif ticket.n_frames == n_frames:
            self._policy.wait(ticket.entry, n_frames, ticket.batch)
        else:  # its states were made with less context than the next attempt wants
            self._policy.wait(ticket.entry, ticket.n_frames, None)

    async def _run_alone(self, engine: Engine, ticket: Ticket) -> None:
        """Both stages of a suspect while nothing else runs: if the engine dies, it is at fault."""
        if ticket.id not in self._tickets:
            return
        self._policy.wait(ticket.entry, ticket.n_frames, None)
        while self._engine is engine and ticket.id in self._tickets:
            self._policy.leave(ticket.id)
            if ticket.entry.batch is None:
                await self._encode(engine, [ticket], ticket.n_frames)
            else:
                await self._decode(engine, [ticket], ticket.batch)

    def _forget(self, ticket: Ticket) -> None:
        """Nobody needs the ticket any more; its encoder states go once no job is using them."""
        self._tickets.pop(ticket.id, None)
        self._policy.leave(ticket.id)
        if ticket in self._suspects:
            self._suspects.remove(ticket)
        if not ticket.is_running and self._engine is not None:
            task = asyncio.create_task(_release(self._engine, ticket.id))
            self._releases.add(task)
            task.add_done_callback(self._releases.discard)

    # When an engine dies

    def _engine_died(self, engine: Engine, tickets: Sequence[Ticket], reason: EngineDied) -> None:
        """Note a death; the dispatcher replaces the engine once every job has returned."""
        if self._engine is engine:
            _log.error("%s; its work runs again on a fresh one", reason)
            self._engine, self._lost = None, engine
        for ticket in tickets:
            ticket.is_running = False
            ticket.deaths += 1
            if ticket.deaths > SUSPECT_DEATHS:
                ticket.fail(
                    EngineFailed(
                        f"the engine died {ticket.deaths} times on the audio between "
                        f"{ticket.window.start_s:.2f} s and {ticket.window.end_s:.2f} s ({reason})"
                    )
                )
                self._forget(ticket)

    async def _replace_engine(self) -> None:
        if self._lost is not None:
            await self._lost.close()
            self._lost = None
        for ticket in self._tickets.values():
            self._policy.leave(ticket.id)
            if ticket.deaths < SUSPECT_DEATHS:
                self._policy.wait(ticket.entry, ticket.n_frames, None)
            elif ticket not in self._suspects:
                self._suspects.append(ticket)
        try:
            self._engine = await self._start_engine()
        except AuricleError as exc:
            _log.error("no engine: %s", exc)
            self._fail_all(Unavailable(f"the engine could not be started: {exc}", retry_after_s=5))

    def _fail_all(self, error: AuricleError) -> None:
        for ticket in list(self._tickets.values()):
            ticket.fail(error)
            self._forget(ticket)


async def _release(engine: Engine, window_id: int) -> None:
    with contextlib.suppress(EngineDied):  # and its encoder states with it
        await engine.release(ReleaseJob((window_id,)))
