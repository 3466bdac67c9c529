"""Jobs are done one after the other, a few at a time, until there are none; then it waits.

Knows nothing about HTTP, nor where jobs come from. What was read of a job is kept window by window,
so one that ends in the middle, however that happens, goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from auricle.errors import (
    AuricleError,
    NotFound,
    Overloaded,
    StorageFull,
    Unavailable,
    as_auricle_error,
    is_disk_full,
)
from auricle.jobs.job import Failure, State, StoredJob
from auricle.jobs.owners import Owners
from auricle.jobs.readings import StoredLedger
from auricle.jobs.sources import Sources
from auricle.jobs.stores import Stores
from auricle.jobs.wakeup import Wakeup, wait_for
from auricle.segment_stream import collect
from auricle.speech_runtime import SpeechRuntime
from auricle.telemetry import request_id, tracing
from auricle.telemetry.observe import Observer

POLL_S: Final = 60.0
"""How often to look for work nobody has announced: a clock may have been set."""

FIRST_RETRY_S: Final = 2.0
LAST_RETRY_S: Final = 600.0
MAX_TRIES: Final = 20
"""What cannot be done now is tried again, each time after twice as long; then it has failed."""

MAX_STARTS: Final = 5
"""A job with which the server ended so often before a window was read is not tried again."""

MAX_SERVED: Final = 1000
"""Owners whose turn is remembered."""

DEADLY = Failure(
    f"The server ended {MAX_STARTS} times while it worked on this job.", "server_error"
)
BUG = Failure("The server had an error while it worked on this job.", "server_error")

logger = logging.getLogger(__name__)


class Runner:
    """Does jobs in ``jobs_at_once`` tasks, from `start` until `halt`. For the event loop."""

    def __init__(
        self,
        runtime: SpeechRuntime,
        stores: Stores,
        sources: Sources,
        owners: Owners,
        observer: Observer,
        clock: Callable[[], float],
    ) -> None:
        self._runtime = runtime
        self._owners = owners
        self._store = stores.jobs
        self._readings = stores.readings
        self._recordings = stores.recordings
        self._sources = sources
        self._observer = observer
        self._clock = clock
        self.keep_s = runtime.settings.keep_jobs_h * 3600.0
        self.wakeup = Wakeup()
        """Notified when a job comes, and when one has ended."""
        self._served: list[str] = []
        self._workers: list[asyncio.Task[None]] = []
        self._taking = asyncio.Lock()
        self._running: dict[str, tuple[str, asyncio.Task[None]]] = {}
        """Of each job that was taken its owner, and the task that does it."""
        self._stranded: set[str] = set()
        """Jobs in work as far as the database knows, because the disk was full when they ended."""

    def start(self) -> None:
        for number in range(self._runtime.settings.jobs_at_once):
            worker = asyncio.create_task(self._work(), name=f"job worker {number}")
            self._workers.append(worker)

    def halt(self) -> None:
        """Take no more jobs, and leave those in work as they are."""
        for worker in self._workers:
            worker.cancel()

    async def stop(self) -> None:
        """Return once nothing is in work."""
        self.halt()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def end(self, job_id: str, state: State, owner: str | None = None) -> StoredJob:
        """End a job that has not ended, and stop working on it. Raises `NotFound`."""
        job, is_news = await self._store.end(job_id, state, self.keep_s, owner=owner)
        if is_news:
            await self._ended(job)
        if job_id in self._running:
            _, working = self._running[job_id]
            working.cancel()
            await asyncio.wait({working})
        return job

    async def _work(self) -> None:
        while True:
            changed = self.wakeup.next
            try:
                await self._recover()
                job, due_s = await self._next()
            except Exception as exc:  # noqa: BLE001  # the border: a disk may be better later
                logger.error("jobs wait: %s", as_auricle_error(exc))
                job, due_s = None, None
            if job is None:
                wait_s = POLL_S if due_s is None else min(due_s - self._clock(), POLL_S)
                await wait_for(changed, wait_s)
                continue
            await self._watched(job)

    async def _next(self) -> tuple[StoredJob | None, float | None]:
        """The job whose turn it is, or when there may be one. One worker at a time asks, so that no
        owner has more in work than it may have."""
        async with self._taking:
            full = self._owners.served_full(owner for owner, _ in self._running.values())
            job = await self._store.take(self._served, full)
            if job is None:
                return None, await self._store.next_due_s(full)
            self._serve(job.owner)
            doing = asyncio.create_task(self._do(job), name=f"job {job.id}")
            self._running[job.id] = job.owner, doing
            return job, None

    async def _recover(self) -> None:
        """Queue what could not be put back when it was left."""
        while self._stranded:
            job_id = next(iter(self._stranded))
            await self._store.put_back(job_id)
            self._stranded.discard(job_id)

    def _strand(self, job: StoredJob, exc: AuricleError) -> None:
        logger.error("%s stays as it is for now: %s", job.id, exc)
        self._stranded.add(job.id)

    def _serve(self, owner: str) -> None:
        self._served = [*(each for each in self._served if each != owner), owner][-MAX_SERVED:]

    async def _watched(self, job: StoredJob) -> None:
        """Wait for the task of a job, which `end` may cancel."""
        _, working = self._running[job.id]
        try:
            await asyncio.wait({working})
        except asyncio.CancelledError:
            working.cancel()
            await asyncio.wait({working})
            await self._store.put_back(job.id, is_clean=True)
            raise
        finally:
            del self._running[job.id]

    async def _do(self, job: StoredJob) -> None:
        """Do a job, and note how that went; never raises but when it is cancelled."""
        begun = tracing.current().begin_from("job", "consumer", job.request.trace, job_id=job.id)
        with request_id.bound(job.id), tracing.within(begun) as span:
            try:
                if job.failure is not None:  # see `rows.found`
                    await self._fail(job, job.failure)
                    return
                await self._transcribe(job, span)
            except (Overloaded, Unavailable, StorageFull) as exc:
                await self._try_later(job, exc)
            except AuricleError as exc:
                await self._fail(job, Failure.of(exc))
            except Exception as exc:
                if is_disk_full(exc):
                    await self._try_later(job, as_auricle_error(exc))
                    return
                logger.exception("a bug")
                await self._fail(job, BUG)

    async def _is_wanted(self, job: StoredJob) -> bool:
        """Whether a job was not ended, or deleted, just when its turn came."""
        try:
            return (await self._store.get(job.id, None)).state == "running"
        except NotFound:
            return False

    async def _transcribe(self, job: StoredJob, span: tracing.Span) -> None:
        if not await self._is_wanted(job):
            return
        asked = job.request
        self._owners.check_let_in(job.owner)
        await self._runtime.find(asked.model, job.owner)
        model = (await self._runtime.status(asked.model)).name
        kept = await self._readings.of(job.id, model)
        is_let_in = partial(self._owners.check_let_in, job.owner)
        ledger = StoredLedger(self._readings, job.id, kept, self._observer, is_let_in)
        async with self._sources.opened(job) as path:
            opened = self._runtime.open(path, asked.options, "", asked.model, ledger)
            async with opened as transcription:
                transcript = await collect(transcription)
        if await self._readings.complete(job.id, transcript, self.keep_s):
            self._observer.count("audio_s", transcript.duration_s)
            span.note(audio_s=transcript.duration_s)
            await self._ended(await self._store.get(job.id, None))

    async def _try_later(self, job: StoredJob, exc: AuricleError) -> None:
        """Queue a job again; or it has failed, if it was tried often enough."""
        delay_s = exc.retry_after_s or FIRST_RETRY_S
        try:
            n_tries = await self._store.put_back(job.id, delay_s)
            if n_tries < MAX_TRIES:
                longer_s = min(delay_s * 2 ** (n_tries - 1), LAST_RETRY_S)
                await self._store.postpone(job.id, longer_s)
                logger.warning("%s is tried again in %.0f s: %s", job.id, longer_s, exc)
                return
        except AuricleError as full:
            self._strand(job, full)
            return
        await self._fail(job, Failure.of(exc))

    async def _fail(self, job: StoredJob, failure: Failure) -> None:
        try:
            ended, is_news = await self._store.end(job.id, "failed", self.keep_s, failure)
        except AuricleError as exc:
            self._strand(job, exc)
            return
        if is_news:
            await self._ended(ended)

    async def _ended(self, job: StoredJob) -> None:
        """Its recording is needed no more, and others may want to know."""
        logger.info("%s is %s", job.id, job.state)
        self._observer.count("jobs", state=job.state)
        try:
            await self._recordings.drop(job.id)
        except AuricleError as exc:
            logger.error("the recording of %s stays until the job is forgotten: %s", job.id, exc)
        self.wakeup.notify()
