"""The jobs in the database: added within limits, taken in turn, ended once.

Knows nothing about what is done for a job. Every method is one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from auricle.errors import NotFound
from auricle.jobs import rows
from auricle.jobs.database import Database
from auricle.jobs.job import (
    Failure,
    InFile,
    JobRequest,
    ServerFile,
    State,
    StoredJob,
    Uploaded,
    new_id,
)
from auricle.jobs.limits import Limits, check_bytes, check_number
from auricle.jobs.rows import Page
from auricle.opening import BYTES_PER_S, UNOPENED_S

LONGEST_WAIT_S = 3600.0
"""No job is put off for longer: one that is due later was put off before the clock was set back.
"""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that comes in."""

    owner: str
    request: JobRequest
    held_file: str | None = None
    held_bytes: int = 0
    batch: str | None = None
    custom_id: str | None = None
    line: int = 0
    failure: Failure | None = None
    """Why it cannot be done at all; it is kept to be told."""

    def failed(self, failure: Failure | None) -> NewJob:
        """The job, which cannot be done."""
        return replace(self, failure=failure)


class JobStore:
    """``owner`` None is whoever runs the server: every job is theirs."""

    def __init__(self, database: Database, limits: Limits, clock: Callable[[], float]) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock

    async def add(self, jobs: Sequence[NewJob]) -> list[StoredJob]:
        """Take jobs in, all of them or none.

        Raises:
            Overloaded: there are as many as may be, of everybody or of this owner.
            StorageFull: their recordings are too large for what is left.
        """

        def work(connection: sqlite3.Connection) -> list[StoredJob]:
            return [rows.found(connection, each) for each in self.insert(connection, jobs)]

        return await self._database.run(work)

    def insert(
        self, connection: sqlite3.Connection, jobs: Sequence[NewJob], keep_s: float = 0.0
    ) -> list[str]:
        """The same within a transaction: their ids. Those that have failed are kept so long."""
        now_s = self._clock()
        check_number(connection, (job.owner for job in jobs), self._limits)
        encoded = [msgspec.msgpack.encode(job.request) for job in jobs]
        n_bytes = sum(job.held_bytes for job in jobs) + sum(map(len, encoded))
        check_bytes(connection, n_bytes, self._limits.max_bytes)
        made = zip(jobs, encoded, strict=True)
        ids = [_insert(connection, job, asked, now_s) for job, asked in made]
        for job_id, job in zip(ids, jobs, strict=True):
            if job.failure is not None:
                rows.end(connection, job_id, "failed", now_s, keep_s, job.failure)
        return ids

    async def get(self, job_id: str, owner: str | None) -> StoredJob:
        """Raises `NotFound`; somebody else's job is none."""
        return await self._database.run(lambda connection: _own(connection, job_id, owner))

    async def page(
        self, owner: str, page: Page, state: State | None = None
    ) -> tuple[list[StoredJob], bool]:
        """Jobs that are no batch's, and whether there are more behind them. Raises `NotFound`."""

        def work(connection: sqlite3.Connection) -> tuple[list[StoredJob], bool]:
            wanted = [] if state is None else [state]
            clauses = ["owner = ?", "batch IS NULL", *("state = ?" for _ in wanted)]
            ids, has_more = rows.page(connection, "jobs", (clauses, [owner, *wanted]), page)
            return [rows.found(connection, each) for each in ids], has_more

        return await self._database.run(work)

    async def take(self, served: Sequence[str], but_of: Sequence[str] = ()) -> StoredJob | None:
        """The next job to be done, which is running from now on: the oldest of the owner who was
        served the longest ago. ``served`` are owners, the last one last; ``but_of`` those whose
        turn it is not."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> StoredJob | None:
            waiting = connection.execute(
                "SELECT owner, MIN(seq) AS seq FROM jobs WHERE state = 'queued' "
                f"AND NOT (not_before > ? AND not_before <= ?) AND {_is_none_of(but_of)} "
                "GROUP BY owner ORDER BY seq",
                (now_s, now_s + LONGEST_WAIT_S, *but_of),
            ).fetchall()
            if not waiting:
                return None
            turn = {owner: n for n, owner in enumerate(served, 1)}
            seq = min(waiting, key=lambda row: turn.get(row["owner"], 0))["seq"]
            connection.execute(
                "UPDATE jobs SET state = 'running', started = COALESCE(started, ?), "
                "n_starts = n_starts + 1 WHERE seq = ?",
                (now_s, seq),
            )
            found = connection.execute("SELECT id FROM jobs WHERE seq = ?", (seq,)).fetchone()
            return rows.found(connection, found["id"])

        return await self._database.run(work)

    async def next_due_s(self, but_of: Sequence[str] = ()) -> float | None:
        """When a queued job is to be tried again that must not be now, see `take`."""

        def work(connection: sqlite3.Connection) -> float | None:
            row = connection.execute(
                "SELECT MIN(not_before) AS due FROM jobs WHERE state = 'queued' "
                f"AND {_is_none_of(but_of)}",
                but_of,
            ).fetchone()
            return None if row["due"] is None else float(row["due"])

        return await self._database.run(work)

    async def waiting_s(self, owner: str) -> float:
        """Seconds of audio in an owner's jobs that are not read, about."""

        def work(connection: sqlite3.Connection) -> float:
            found = connection.execute(
                "SELECT duration, read, held_bytes, asked FROM jobs "
                "WHERE owner = ? AND state IN ('queued', 'running')",
                (owner,),
            )
            return sum(map(_unread_s, found))

        return await self._database.run(work)

    async def put_back(self, job_id: str, delay_s: float = 0.0, *, is_clean: bool = False) -> int:
        """A running job is queued again, to be tried after a while; how often it was tried. One
        that was left in order (``is_clean``) was no try."""
        not_before_s = self._clock() + delay_s if delay_s else 0.0

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(
                "UPDATE jobs SET state = 'queued', not_before = ?, n_tries = n_tries + ?, "
                "n_starts = MAX(n_starts - 1, 0) WHERE id = ? AND state = 'running'",
                (not_before_s, 0 if is_clean else 1, job_id),
            )
            row = connection.execute("SELECT n_tries FROM jobs WHERE id = ?", (job_id,)).fetchone()
            return 0 if row is None else int(row["n_tries"])

        return await self._database.run(work)

    async def postpone(self, job_id: str, delay_s: float) -> None:
        """A queued job is not to be tried before so long."""
        not_before_s = self._clock() + delay_s

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE jobs SET not_before = ? WHERE id = ? AND state = 'queued'",
                (not_before_s, job_id),
            )

        await self._database.run(work)

    async def recover(self, max_starts: int, failure: Failure, keep_s: float) -> int:
        """Queue what was running when a server was killed; how many. A job with which servers died
        so many times without reading anything has failed."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> int:
            fatal = connection.execute(
                "SELECT id FROM jobs WHERE state = 'running' AND n_starts >= ?", (max_starts,)
            ).fetchall()
            for row in fatal:
                rows.end(connection, row["id"], "failed", now_s, keep_s, failure)
            return connection.execute(
                "UPDATE jobs SET state = 'queued' WHERE state = 'running'"
            ).rowcount

        return await self._database.run(work)

    async def end(
        self,
        job_id: str,
        state: State,
        keep_s: float,
        failure: Failure | None = None,
        owner: str | None = None,
    ) -> tuple[StoredJob, bool]:
        """A job has ended; whether that is news: what has ended stays as it is. Raises
        `NotFound`."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> tuple[StoredJob, bool]:
            _own(connection, job_id, owner)
            is_news = rows.end(connection, job_id, state, now_s, keep_s, failure)
            return rows.found(connection, job_id), is_news

        return await self._database.run(work)

    async def delete(self, job_id: str, owner: str | None) -> str | None:
        """Forget a job and its result; the name of its recording. Raises `NotFound`."""

        def work(connection: sqlite3.Connection) -> str | None:
            _own(connection, job_id, owner)
            return rows.delete(connection, job_id)

        return await self._database.run(work)

    async def expire(self) -> list[str]:
        """Forget jobs whose time is over; the names of recordings to be deleted."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> list[str]:
            over = connection.execute("SELECT id FROM jobs WHERE expires <= ?", (now_s,)).fetchall()
            names = [rows.delete(connection, row["id"]) for row in over]
            return [name for name in names if name]

        return await self._database.run(work)

    async def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            found = connection.execute("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state")
            return {row["state"]: row["n"] for row in found}

        return await self._database.run(work)


def _insert(connection: sqlite3.Connection, job: NewJob, asked: bytes, now_s: float) -> str:
    job_id = new_id("job_")
    connection.execute(
        "INSERT INTO jobs (id, owner, state, asked, created, held_file, held_bytes, batch, "
        "custom_id, line) VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?)",
        (
            job_id,
            job.owner,
            asked,
            now_s,
            job.held_file,
            job.held_bytes + len(asked),
            job.batch,
            job.custom_id,
            job.line,
        ),
    )
    return job_id


def _is_none_of(owners: Sequence[str]) -> str:
    return f"owner NOT IN ({','.join('?' * len(owners))})"


def _unread_s(row: sqlite3.Row) -> float:
    """What is not read of a job; where it was not opened, by the bytes of its recording, and of one
    of which nothing is known as much as a request counts then."""
    if row["duration"] is not None:
        return max(float(row["duration"]) - float(row["read"]), 0.0)
    match (rows.read(row["asked"], JobRequest) or rows.NOTHING).source:
        case Uploaded():
            return int(row["held_bytes"]) / BYTES_PER_S
        case ServerFile(n_bytes=n_bytes) | InFile(offset=int(), n_bytes=n_bytes):
            return n_bytes / BYTES_PER_S
        case _:
            return UNOPENED_S


def _own(connection: sqlite3.Connection, job_id: str, owner: str | None) -> StoredJob:
    job = rows.found(connection, job_id)
    if owner is not None and job.owner != owner:
        raise NotFound(f"There is no job {job_id!r}.", param="id", code="job_not_found")
    return job
