"""Rows of the database as what they stand for; what several stores do within a transaction.

Knows nothing about limits or owners.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from auricle.errors import UNDECODABLE, NotFound
from auricle.jobs.job import Failure, JobRequest, State, StoredJob, Uploaded
from auricle.types import DecodeOptions

Kept = TypeVar("Kept")

DAMAGED = Failure("What the server kept of this job is damaged.", "server_error")
NOTHING = JobRequest(Uploaded(""), DecodeOptions(), "")
"""What a damaged job asks for."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: at most ``limit``, behind the one named ``after``."""

    limit: int = 20
    after: str | None = None
    newest_first: bool = True


def read(kept: bytes | None, kind: type[Kept]) -> Kept | None:
    """What is kept of a row, None where that is nothing or damaged: a disk may have lost it, and
    other rows have nothing to do with that."""
    try:
        return None if kept is None else msgspec.msgpack.decode(kept, type=kind)
    except (*UNDECODABLE, TypeError) as exc:
        _log.error("what is kept of a %s is damaged: %s", kind.__name__, exc)
        return None


def found(connection: sqlite3.Connection, job_id: str) -> StoredJob:
    """A job; of one that cannot be read any more `DAMAGED` is the failure. Raises `NotFound`."""
    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no job {job_id!r}.", param="id", code="job_not_found")
    request = read(row["asked"], JobRequest)
    failure = DAMAGED if request is None else read(row["failure"], Failure)
    return StoredJob(
        id=row["id"],
        owner=row["owner"],
        state=row["state"],
        request=request or NOTHING,
        created_s=row["created"],
        started_s=row["started"],
        ended_s=row["ended"],
        expires_s=row["expires"],
        held_bytes=row["held_bytes"],
        duration_s=row["duration"],
        read_s=row["read"],
        n_windows=row["n_windows"],
        failure=failure,
        batch=row["batch"],
        custom_id=row["custom_id"],
        line=row["line"],
    )


def page(
    connection: sqlite3.Connection,
    table: str,
    where: tuple[Sequence[str], Sequence[object]],
    wanted: Page,
) -> tuple[list[str], bool]:
    """The ids of a part of a table, and whether there are more behind it.

    Raises:
        NotFound: the row it is to begin behind is not there.
    """
    clauses, values = list(where[0]), list(where[1])
    if wanted.after is not None:
        row = connection.execute(
            f"SELECT seq FROM {table} WHERE id = ? AND {clauses[0]}",
            (wanted.after, values[0]),
        ).fetchone()
        if row is None:
            raise NotFound(f"There is no {wanted.after!r} to go on behind.", param="after")
        clauses.append("seq < ?" if wanted.newest_first else "seq > ?")
        values.append(row["seq"])
    order = "DESC" if wanted.newest_first else "ASC"
    ids = connection.execute(
        f"SELECT id FROM {table} WHERE {' AND '.join(clauses)} ORDER BY seq {order} LIMIT ?",
        (*values, wanted.limit + 1),
    ).fetchall()
    return [each["id"] for each in ids[: wanted.limit]], len(ids) > wanted.limit


def end(
    connection: sqlite3.Connection,
    job_id: str,
    state: State,
    now_s: float,
    keep_s: float,
    failure: Failure | None = None,
) -> bool:
    """A job ends, and whoever wants to know is to be told; False: it had ended before. That of a
    batch is kept as long as its batch needs it."""
    ended = connection.execute(
        "UPDATE jobs SET state = ?, ended = ?, failure = ?, "
        "expires = CASE WHEN batch IS NULL THEN ? END "
        "WHERE id = ? AND state IN ('queued', 'running')",
        (
            state,
            now_s,
            None if failure is None else msgspec.msgpack.encode(failure),
            now_s + keep_s,
            job_id,
        ),
    ).rowcount
    if not ended:
        return False
    connection.execute("DELETE FROM windows WHERE job = ?", (job_id,))
    asked = found(connection, job_id).request
    connection.execute(
        "UPDATE jobs SET asked = ? WHERE id = ?",
        (msgspec.msgpack.encode(without_voices(asked)), job_id),
    )
    if asked.hook is not None:
        connection.execute(
            "INSERT INTO hooks (job, state, next) VALUES (?, 'pending', ?)", (job_id, now_s)
        )
    return True


def without_voices(asked: JobRequest) -> JobRequest:
    """What stays of a job that has ended: recordings of known voices do not."""
    speakers = asked.options.speakers
    if speakers is None or not speakers.known:
        return asked
    known = tuple(replace(each, reference=b"") for each in speakers.known)
    options = replace(asked.options, speakers=replace(speakers, known=known))
    return msgspec.structs.replace(asked, options=options)


def held_file(connection: sqlite3.Connection, job_id: str) -> str | None:
    """The name of a job's recording in the folder."""
    row = connection.execute("SELECT held_file FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else row["held_file"]


def delete(connection: sqlite3.Connection, job_id: str) -> str | None:
    """Forget a job with all that hangs on it; the name of its recording."""
    name = held_file(connection, job_id)
    connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
    return name
