"""Damage to the database in which jobs are kept: to the file, or to what stands in rows."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from auricle.errors import AuricleError
from auricle.jobs.batch import StoredBatch
from auricle.jobs.database import Database
from auricle.jobs.folder import Folder
from auricle.jobs.job import Failure, JobRequest, Uploaded
from auricle.jobs.readings import WHOLE, Place
from auricle.jobs.rows import Page
from auricle.jobs.runner import DEADLY
from auricle.jobs.store import NewJob
from auricle.jobs.stores import Stores
from auricle.reading.reader import Reading
from auricle.types import DecodeOptions, Language, Transcript
from tests.fuzz.faults import check_text
from tests.fuzz.mutation import Damage
from tests.fuzz.target import Trial
from tests.server.conftest import settings
from tests.server.fakes import HELLO

BLOBS = (
    ("jobs", "asked"),
    ("jobs", "failure"),
    ("windows", "reading"),
    ("transcripts", "transcript"),
    ("batches", "body"),
)
NOW_S = 1_800_000_000.0
BATCH = StoredBatch(
    id="batch_1",
    owner="",
    state="validating",
    endpoint="/v1/audio/transcriptions",
    input_file_id="file-1",
    window="24h",
    created_s=NOW_S,
    expires_s=NOW_S + 86_400,
    times={"validating": NOW_S},
)


class _Kept:
    def __init__(self, folder: Path) -> None:
        self._whole, self._damaged = folder / "whole.sqlite3", folder / "jobs.sqlite3"
        self._folder = folder

    async def prepare(self) -> None:
        """A database with jobs in every state, a batch and a file."""
        async with self._opened(self._whole) as stores:
            asked = JobRequest(Uploaded("rec_1"), DecodeOptions(), "base", (("model", "base"),))
            jobs = await stores.jobs.add([NewJob("", asked) for _ in range(6)])
            first, second, third = [each.id for each in jobs[:3]]
            for _ in range(4):
                await stores.jobs.take([])
            reading = Reading(HELLO, Language("en", 0.5), "Hello")
            await stores.readings.keep(first, Place(WHOLE, 0, 0.0, 1), 2.0, 9.0, reading)
            transcript = Transcript("transcribe", Language("en", 0.5), 9.0, HELLO)
            await stores.readings.complete(second, transcript, 60.0)
            await stores.jobs.end(third, "failed", 60.0, Failure("No.", "server_error"))
            await stores.batches.add(BATCH)

    async def attempt(self, rng: random.Random) -> str:
        damage = Damage(rng)
        shutil.copyfile(self._whole, self._damaged)
        kind = "row" if rng.random() < 0.6 else "file"
        self._in_row(damage) if kind == "row" else self._in_file(damage)
        try:
            async with self._opened(self._damaged) as stores:
                return f"{kind} {await _used(stores)}"
        except AuricleError as exc:
            check_text(exc.message, "")
            return f"{kind} refused"
        finally:
            for path in self._folder.glob("jobs.sqlite3*"):
                path.unlink()

    def _in_row(self, damage: Damage) -> None:
        table, column = damage.rng.choice(BLOBS)
        with contextlib.closing(sqlite3.connect(self._damaged)) as database, database:
            names = "rowid" if table in ("jobs", "batches") else "job"
            for name, blob in database.execute(
                f"SELECT {names}, {column} FROM {table} WHERE {column} IS NOT NULL"
            ).fetchall():
                database.execute(
                    f"UPDATE {table} SET {column} = ? WHERE {names} = ?", (damage.data(blob), name)
                )

    def _in_file(self, damage: Damage) -> None:
        content = bytearray(self._damaged.read_bytes())
        for _ in range(damage.rng.randint(1, 20)):
            at = damage.rng.randrange(len(content))
            content[at] = damage.rng.randrange(256)
        self._damaged.write_bytes(content)

    @contextlib.asynccontextmanager
    async def _opened(self, path: Path) -> AsyncIterator[Stores]:
        database = Database(path)
        try:
            await database.open()
            folder = Folder(self._folder)
            yield Stores.of(settings(max_jobs=50), folder, database, lambda: NOW_S)
        finally:
            await database.close()


async def _used(stores: Stores) -> str:
    """All that a server does with it. One damaged row is the trouble of its job alone."""
    await stores.jobs.recover(5, DEADLY, 60.0)
    found, _ = await stores.jobs.page("", Page(limit=20))
    for job in found:
        with contextlib.suppress(AuricleError):
            await stores.readings.of(job.id, "base")
            await stores.readings.transcript(job.id)
    await stores.batches.open()
    await stores.batches.expire()
    n = 0
    while (next_job := await stores.jobs.take([])) is not None:
        n += 1
        await stores.jobs.end(next_job.id, "failed", 60.0, next_job.failure)
    await stores.hooks.due()
    await stores.jobs.expire()
    await stores.jobs.counts()
    return f"used, {n} taken"


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Trial]:
    with tempfile.TemporaryDirectory() as folder:
        kept = _Kept(Path(folder))
        await kept.prepare()
        yield kept
