"""Jobs on a disk that is full for a while: they go on when it is not."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from auricle.errors import BadMedia, StorageFull, Unavailable
from auricle.grants import NoLimits
from auricle.jobs.database import Database, Result
from auricle.jobs.folder import Folder
from auricle.jobs.job import JobRequest, StoredJob, Uploaded
from auricle.jobs.outbound import OutboundClient
from auricle.jobs.owners import Owners
from auricle.jobs.runner import Runner
from auricle.jobs.sources import Sources
from auricle.jobs.store import NewJob
from auricle.jobs.stores import Stores
from auricle.telemetry.observe import NULL_OBSERVER
from auricle.types import DecodeOptions
from tests.jobs.test_hooks import Clock
from tests.server.conftest import settings
from tests.server.fakes import HELLO, FakeRuntime
from tests.waiting import advance, until


class Disk(Database):
    """A database on a disk that is full while ``is_full``."""

    is_full = False

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        if self.is_full:
            raise StorageFull("No room.", retry_after_s=1.0)
        return await super().run(work)


class Bench:
    """A runner of jobs, and its disk."""

    def __init__(self, folder: Path) -> None:
        self.runtime = FakeRuntime(settings(max_jobs=10))
        self.runtime.state = "ready"
        self.disk = Disk(folder / "jobs.sqlite3")
        self.clock = Clock()
        kept = Folder(folder)
        kept.recordings.mkdir()
        self.stores = Stores.of(self.runtime.settings, kept, self.disk, self.clock)
        nowhere = OutboundClient((), "job_url_hosts", "url")
        sources = Sources(self.stores.recordings, nowhere, 1, 1.0)
        owners = Owners(NoLimits(), self.stores.jobs, lambda _: 0.0)
        self.runner = Runner(self.runtime, self.stores, sources, owners, NULL_OBSERVER, self.clock)

    async def job(self) -> StoredJob:
        self.stores.folder.file("rec_1").write_bytes(b"speech")
        request = JobRequest(Uploaded("rec_1"), DecodeOptions(), "base")
        (job,) = await self.stores.jobs.add([NewJob("", request, "rec_1", 6)])
        self.runner.wakeup.notify()
        return job

    async def become(self, job: StoredJob, state: str) -> StoredJob:
        while (found := await self.stores.jobs.get(job.id, None)).state != state:
            pass
        return found


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.disk.open()
    bench.runner.start()
    yield bench
    await bench.runner.stop()
    await bench.disk.close()


@pytest.mark.parametrize("problem", [Unavailable("no"), BadMedia("no")], ids=["put back", "failed"])
async def test_a_job_that_ends_while_the_disk_is_full_goes_on_later(bench: Bench, problem):
    """It stayed in work, as far as anybody could see, until the server was started anew."""
    full = asyncio.Event()
    bench.runtime.steps = [full, problem]
    job = await bench.job()
    await bench.runtime.opened.wait()
    bench.disk.is_full = True
    full.set()
    await until(lambda: bool(bench.runner._stranded))
    bench.disk.is_full = False
    bench.runtime.steps = HELLO
    bench.clock.now_s += 3600
    advance(3600)
    done = await bench.become(job, "completed")
    assert done.failure is None
    await until(lambda: not bench.stores.folder.file("rec_1").exists())


async def test_who_waits_for_a_job_is_told_although_its_recording_stays(bench: Bench):
    """A recording that could not be forgotten made a job that was done look as if it had failed."""
    changed = bench.runner.wakeup.next
    drop = bench.stores.recordings.drop

    async def full(job_id: str) -> None:
        bench.disk.is_full = True
        try:
            await drop(job_id)
        finally:
            bench.disk.is_full = False

    bench.stores.recordings.drop = full  # type: ignore[method-assign]  # just then the disk is full
    job = await bench.job()
    await changed.wait()
    await bench.become(job, "completed")
