"""Batches in the database: a file of lines, each of which becomes a job, and what came of them.

Knows nothing about what a line says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from auricle.errors import Conflict, NotFound
from auricle.jobs import files, rows
from auricle.jobs.database import Database
from auricle.jobs.files import StoredFile
from auricle.jobs.job import StoredJob
from auricle.jobs.rows import Page
from auricle.jobs.store import JobStore, NewJob

BatchState = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]

OPEN: tuple[BatchState, ...] = ("validating", "in_progress", "cancelling")
"""Those in which there is still something to be done."""


class LineError(msgspec.Struct, frozen=True):
    """Why no line of a batch is done. ``line`` counts from 1."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class StoredBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch. Times are seconds since 1970."""

    id: str
    owner: str
    state: BatchState
    endpoint: str
    input_file_id: str
    window: str
    """In which it is to be done, as it was asked for."""
    created_s: float
    expires_s: float
    """When the window ends."""
    times: Mapping[BatchState, float] = {}
    """When it came into each state."""
    errors: tuple[LineError, ...] = ()
    output_file_id: str | None = None
    error_file_id: str | None = None
    keep_s: float = files.KEEP_S
    """How long its files are kept."""
    metadata: Mapping[str, str] | None = None
    n_lines: int = 0
    n_completed: int = 0
    n_failed: int = 0

    def become(self, state: BatchState, now_s: float, **changes: object) -> StoredBatch:
        """The batch in another state, from now on."""
        times = {**self.times, state: now_s}
        return msgspec.structs.replace(self, state=state, times=times, **changes)


class BatchStore:
    """The batches, with their jobs."""

    def __init__(self, database: Database, jobs: JobStore, clock: Callable[[], float]) -> None:
        self._database = database
        self._jobs = jobs
        self._clock = clock

    async def add(self, batch: StoredBatch) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO batches (id, owner, state, body) VALUES (?, ?, ?, ?)",
                (batch.id, batch.owner, batch.state, msgspec.msgpack.encode(batch)),
            )

        await self._database.run(work)

    async def get(self, batch_id: str, owner: str) -> StoredBatch:
        """With how many of its lines are done. Raises `NotFound`; somebody else's is none."""
        return await self._database.run(lambda connection: _counted(connection, batch_id, owner))

    async def page(self, owner: str, page: Page) -> tuple[list[StoredBatch], bool]:
        """Batches of an owner, and whether there are more behind them. Raises `NotFound`."""

        def work(connection: sqlite3.Connection) -> tuple[list[StoredBatch], bool]:
            ids, has_more = rows.page(connection, "batches", (["owner = ?"], [owner]), page)
            found = [_readable(connection, each, owner) for each in ids]
            return [each for each in found if each is not None], has_more

        return await self._database.run(work)

    async def open(self) -> list[StoredBatch]:
        """Those for which there is something to be done, the oldest first."""

        def work(connection: sqlite3.Connection) -> list[StoredBatch]:
            marks = ",".join("?" * len(OPEN))
            found = connection.execute(
                f"SELECT id, owner FROM batches WHERE state IN ({marks}) ORDER BY seq", OPEN
            ).fetchall()
            batches = [_readable(connection, row["id"], row["owner"]) for row in found]
            return [each for each in batches if each is not None]

        return await self._database.run(work)

    async def begin(self, batch: StoredBatch, jobs: Sequence[NewJob], keep_s: float) -> None:
        """A batch that was looked through has its jobs from now on, all of them or none. Raises
        what `JobStore.add` raises."""

        def work(connection: sqlite3.Connection) -> None:
            if _counted(connection, batch.id, batch.owner).state == "validating":
                self._jobs.insert(connection, jobs, keep_s)
                _write(connection, batch)

        await self._database.run(work)

    async def write(self, batch: StoredBatch) -> None:
        """A batch is otherwise now."""
        await self._database.run(lambda connection: _write(connection, batch))

    async def cancel(self, batch_id: str, owner: str) -> StoredBatch:
        """No more of a batch is to be done.

        Raises:
            NotFound: there is none.
            Conflict: it has ended.
        """
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> StoredBatch:
            batch = _counted(connection, batch_id, owner)
            if batch.state not in OPEN:
                raise Conflict(
                    f"The batch {batch.id!r} cannot be cancelled: it is {batch.state}.",
                    param="id",
                    code="batch_not_open",
                )
            if batch.state != "cancelling":
                batch = batch.become("cancelling", now_s)
                _write(connection, batch)
            return batch

        return await self._database.run(work)

    async def cancel_waiting(self, batch_id: str, keep_s: float) -> list[str]:
        """Cancel the jobs of a batch that nobody works on; the ids of the others."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> list[str]:
            found = connection.execute(
                "SELECT id, state FROM jobs WHERE batch = ? AND state IN ('queued', 'running')",
                (batch_id,),
            ).fetchall()
            for row in found:
                if row["state"] == "queued":
                    rows.end(connection, row["id"], "cancelled", now_s, keep_s)
            return [row["id"] for row in found if row["state"] == "running"]

        return await self._database.run(work)

    async def jobs(self, batch_id: str, after_line: int, n: int) -> list[StoredJob]:
        """Its next jobs, in the order of their lines."""

        def work(connection: sqlite3.Connection) -> list[StoredJob]:
            found = connection.execute(
                "SELECT id FROM jobs WHERE batch = ? AND line > ? ORDER BY line LIMIT ?",
                (batch_id, after_line, n),
            ).fetchall()
            return [rows.found(connection, row["id"]) for row in found]

        return await self._database.run(work)

    async def finish(self, batch: StoredBatch, outputs: Sequence[StoredFile]) -> None:
        """A batch is done: its files are there, and its jobs are needed no more."""

        def work(connection: sqlite3.Connection) -> None:
            files.insert(connection, outputs)
            _write(connection, batch)
            connection.execute("DELETE FROM jobs WHERE batch = ?", (batch.id,))

        await self._database.run(work)

    async def expire(self) -> None:
        """Forget batches whose files are gone since long, and those that are damaged, with their
        jobs: nobody could tell what became of them."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            for row in connection.execute("SELECT * FROM batches").fetchall():
                batch = rows.read(row["body"], StoredBatch)
                if batch is None:
                    connection.execute("DELETE FROM batches WHERE id = ?", (row["id"],))
                    connection.execute("DELETE FROM jobs WHERE batch = ?", (row["id"],))
                elif batch.state not in OPEN and max(batch.times.values()) + batch.keep_s <= now_s:
                    connection.execute("DELETE FROM batches WHERE id = ?", (batch.id,))

        await self._database.run(work)


def _write(connection: sqlite3.Connection, batch: StoredBatch) -> None:
    connection.execute(
        "UPDATE batches SET state = ?, body = ? WHERE id = ?",
        (batch.state, msgspec.msgpack.encode(batch), batch.id),
    )


def _counted(connection: sqlite3.Connection, batch_id: str, owner: str) -> StoredBatch:
    row = connection.execute(
        "SELECT body FROM batches WHERE id = ? AND owner = ?", (batch_id, owner)
    ).fetchone()
    batch = None if row is None else rows.read(row["body"], StoredBatch)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id!r}.", param="batch_id", code="batch_not_found")
    if batch.state not in ("in_progress", "cancelling"):
        return batch
    counts = connection.execute(
        "SELECT state, COUNT(*) AS n FROM jobs WHERE batch = ? GROUP BY state", (batch_id,)
    ).fetchall()
    n = {each["state"]: each["n"] for each in counts}
    return msgspec.structs.replace(
        batch,
        n_completed=n.get("completed", 0),
        n_failed=n.get("failed", 0) + n.get("cancelled", 0),
    )


def _readable(connection: sqlite3.Connection, batch_id: str, owner: str) -> StoredBatch | None:
    """A batch, None if it is damaged."""
    try:
        return _counted(connection, batch_id, owner)
    except NotFound:
        return None
