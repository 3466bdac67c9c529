"""The stored jobs of one server, put together: opened when there are some, or with the first.

Knows nothing about HTTP. The folder is one server's at a time: another answers that.

Why it is so: docs/decisions.md, Jobs.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from auricle.errors import AuricleError, NotFound, Unavailable, as_auricle_error
from auricle.grants import Grants, NoLimits
from auricle.jobs.batches import Batches, Lines
from auricle.jobs.database import Database
from auricle.jobs.folder import Folder, data_dir
from auricle.jobs.hooks import WebhookSender
from auricle.jobs.job import StoredJob
from auricle.jobs.limits import MIB
from auricle.jobs.outbound import OutboundClient
from auricle.jobs.owners import Owners
from auricle.jobs.runner import DEADLY, MAX_STARTS, POLL_S, Runner
from auricle.jobs.sources import Sources
from auricle.jobs.stores import Stores
from auricle.jobs.wakeup import wait_for
from auricle.settings.config import Settings
from auricle.speech_runtime import SpeechRuntime
from auricle.telemetry.observe import NULL_OBSERVER, Observer

STOPPING_RETRY_S = 5.0
"""When a client should ask again that reached a server on its way out."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenJobs:
    """What is kept, and what is done with it, once the folder is open."""

    stores: Stores
    owners: Owners
    runner: Runner
    batches: Batches


class JobService:
    """`start` and `stop` it with the server; `opened` gives the jobs. For the event loop."""

    def __init__(
        self,
        runtime: SpeechRuntime,
        write: Callable[[StoredJob], bytes],
        lines: Lines,
        observer: Observer = NULL_OBSERVER,
        grants: Grants | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``write`` makes the body of what a webhook is told, ``lines`` are those of batches,
        ``clock`` gives seconds since 1970."""
        settings = runtime.settings
        self._runtime = runtime
        self._write = write
        self._lines = lines
        self._observer = observer
        self._grants = grants or NoLimits()
        self._clock = clock
        self.url_hosts = OutboundClient(settings.job_url_hosts, "job_url_hosts", "url")
        self.hook_hosts = OutboundClient(settings.webhook_hosts, "webhook_hosts", "webhook_url")
        self._opening = asyncio.Lock()
        self._open: OpenJobs | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False
        self.context = contextvars.copy_context()
        """In which work is done, whoever's request opens the folder."""

    async def start(self) -> None:
        """Go on with what an earlier server has left, once it lets go of it. Never raises."""
        settings = self._runtime.settings
        if settings.max_jobs and _folder(settings).is_there:
            self._tasks.append(asyncio.create_task(self._wait(), name="jobs wait"))

    async def _wait(self) -> None:
        while self._open is None and not self._is_stopping:
            try:
                await self.opened()
            except AuricleError as exc:
                logger.warning("stored jobs wait: %s", exc)
                await asyncio.sleep(POLL_S)

    async def opened(self) -> OpenJobs:
        """
        Raises:
            NotFound: this server takes none.
            Unavailable: it is stopping, or another server has the folder.
            AuricleError: they cannot be read or written.
        """
        if not self._runtime.settings.max_jobs:
            raise NotFound("This server takes no jobs, files or batches (max_jobs is 0).")
        async with self._opening:
            if self._is_stopping:
                raise Unavailable("The server is shutting down.", retry_after_s=STOPPING_RETRY_S)
            if self._open is None:
                self._open = await self._opened()
            return self._open

    def halt(self) -> None:
        """Leave what is in work to the next start."""
        self._is_stopping = True
        for task in self._tasks:
            task.cancel()
        if self._open is not None:
            self._open.runner.halt()

    async def stop(self) -> None:
        """Return once nothing is in work and the folder is free."""
        self.halt()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._opening:
            jobs, self._open = self._open, None
        if jobs is None:
            return
        await jobs.runner.stop()
        await jobs.stores.database.close()
        await asyncio.to_thread(jobs.stores.folder.close)

    async def counts(self) -> dict[str, int]:
        """How many jobs there are in each state, as far as that is known."""
        return {} if self._open is None else await self._open.stores.jobs.counts()

    async def _opened(self) -> OpenJobs:
        folder = _folder(self._runtime.settings)
        await asyncio.to_thread(folder.open)
        database = Database(folder.database)
        try:
            await database.open()
            jobs = self._put_together(folder, database)
            n_queued = await jobs.stores.jobs.recover(MAX_STARTS, DEADLY, jobs.runner.keep_s)
            await jobs.stores.recordings.sweep()
        except BaseException:
            await database.close()
            folder.close()
            raise
        if n_queued:
            logger.info("jobs that were in work when a server ended: %d", n_queued)
        self.context.run(jobs.runner.start)
        for work in (self._maintain(jobs), self._send_webhooks(jobs)):
            task = asyncio.create_task(work, name="jobs house", context=self.context.copy())
            self._tasks.append(task)
        return jobs

    def _put_together(self, folder: Folder, database: Database) -> OpenJobs:
        settings = self._runtime.settings
        stores = Stores.of(settings, folder, database, self._clock)
        max_bytes = settings.max_upload_mb * MIB
        sources = Sources(stores.recordings, self.url_hosts, max_bytes, settings.job_url_s)
        owners = Owners(self._grants, stores.jobs, self._runtime.predict_s)
        runner = Runner(self._runtime, stores, sources, owners, self._observer, self._clock)
        batches = Batches(self._runtime, stores, runner, self._lines, self._clock)
        return OpenJobs(stores, owners, runner, batches)

    async def _maintain(self, jobs: OpenJobs) -> None:
        """Take batches a step further, and forget what has expired, until it is cancelled."""
        stores = jobs.stores
        while True:
            changed = jobs.runner.wakeup.next
            try:
                await jobs.batches.advance()
                await stores.recordings.remove(await stores.jobs.expire())
                await stores.recordings.remove(await stores.files.expire())
            except Exception as exc:  # noqa: BLE001  # the border: a disk may be better later
                logger.error("jobs wait: %s", as_auricle_error(exc))
            await wait_for(changed, POLL_S)

    async def _send_webhooks(self, jobs: OpenJobs) -> None:
        """Tell who wants to know, until it is cancelled."""
        hooks = jobs.stores.hooks
        sender = WebhookSender(hooks, self.hook_hosts, self._write, self._clock)
        while True:
            changed = jobs.runner.wakeup.next
            wait_s = POLL_S
            try:
                await sender.send_due()
                due_s = await hooks.next_due_s()
                if due_s is not None:
                    wait_s = min(due_s - self._clock(), POLL_S)
            except Exception as exc:  # noqa: BLE001  # the border: a disk may be better later
                logger.error("webhooks wait: %s", as_auricle_error(exc))
            await wait_for(changed, wait_s)


def _folder(settings: Settings) -> Folder:
    return Folder(data_dir(settings.data_dir, os.environ), settings.min_free_disk_mb * MIB)
