"""Recordings of a command line that may be interrupted: what was read is there the next time.

Knows nothing about the command line. The folder is one beside that of the server's jobs, which may
be open at the same time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from auricle.errors import AuricleError
from auricle.jobs import rows
from auricle.jobs.database import Database
from auricle.jobs.folder import Folder, data_dir
from auricle.jobs.job import JobRequest, ServerFile, StoredJob
from auricle.jobs.readings import StoredLedger
from auricle.jobs.store import NewJob
from auricle.jobs.stores import Stores
from auricle.settings.config import Settings
from auricle.types import DecodeOptions, Transcript

FOLDER: Final = "transcribe"
OWNER: Final = "transcribe"
MAX_RECORDINGS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Resumed:
    """A recording: its transcript if it was read whole, and else what was read of it so far."""

    job_id: str
    transcript: Transcript | None
    ledger: StoredLedger


class Resuming:
    """What is kept of recordings. For the event loop."""

    def __init__(self, stores: Stores, keep_s: float) -> None:
        self._stores = stores
        self._keep_s = keep_s

    async def begin(self, path: Path, options: DecodeOptions, model: str) -> Resumed:
        """A recording is to be read with a model: the same file, with the same options, goes on
        where it was."""
        asked = JobRequest(await asyncio.to_thread(_source, path), options, model)
        key = hashlib.sha256(msgspec.msgpack.encode(asked)).hexdigest()
        readings = self._stores.readings
        job = await self._stores.database.run(lambda connection: _begun(connection, key))
        if job is None:
            await self._stores.jobs.add([NewJob(OWNER, asked, custom_id=key)])
            job = await self._stores.database.run(lambda connection: _begun(connection, key))
            assert job is not None, "it was added"
        transcript = await readings.transcript(job.id) if job.state == "completed" else None
        kept = await readings.of(job.id, model)
        return Resumed(job.id, transcript, StoredLedger(readings, job.id, kept))

    async def complete(self, resumed: Resumed, transcript: Transcript) -> None:
        """A recording was read whole. Raises `StorageFull`."""
        await self._stores.readings.complete(resumed.job_id, transcript, self._keep_s)


@asynccontextmanager
async def resuming(
    settings: Settings, clock: Callable[[], float] = time.time
) -> AsyncIterator[Resuming]:
    """What is kept, and was, for `keep_jobs_h` since it was begun or ended.

    Raises:
        Unavailable: another command has it.
        AuricleError: it cannot be read or written.
    """
    folder = Folder(data_dir(settings.data_dir, os.environ) / FOLDER)
    with _naming_folder(folder.path):
        await asyncio.to_thread(folder.open)
    database = Database(folder.database)
    try:
        with _naming_folder(folder.path):
            await database.open()
        wide = replace(settings, max_jobs=MAX_RECORDINGS, max_jobs_per_client=MAX_RECORDINGS)
        stores = Stores.of(wide, folder, database, clock)
        keep_s = settings.keep_jobs_h * 3600.0
        await stores.jobs.expire()
        await database.run(lambda connection: _forget_before(connection, clock() - keep_s))
        yield Resuming(stores, keep_s)
    finally:
        await database.close()
        folder.close()


@contextmanager
def _naming_folder(folder: Path) -> Iterator[None]:
    """Whoever runs a command may know which folder it is about, as clients of a server may not."""
    try:
        yield
    except AuricleError as exc:
        message = f"{folder}: {exc.message}"
        raise type(exc)(message, code=exc.code, retry_after_s=exc.retry_after_s) from exc


def _source(path: Path) -> ServerFile:
    """Blocks."""
    found = path.stat()
    return ServerFile(str(path.absolute()), found.st_size, found.st_mtime_ns)


def _begun(connection: sqlite3.Connection, key: str) -> StoredJob | None:
    """The job for a recording, which is in work from now on unless it has ended."""
    row = connection.execute(
        "SELECT id FROM jobs WHERE owner = ? AND custom_id = ?", (OWNER, key)
    ).fetchone()
    if row is None:
        return None
    connection.execute(
        "UPDATE jobs SET state = 'running' WHERE id = ? AND state = 'queued'", (row["id"],)
    )
    return rows.found(connection, row["id"])


def _forget_before(connection: sqlite3.Connection, created_s: float) -> None:
    """Forget what was begun before, and never ended."""
    connection.execute("DELETE FROM jobs WHERE created < ? AND ended IS NULL", (created_s,))
