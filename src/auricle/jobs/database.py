"""The database in which jobs are kept: one SQLite file, in a thread of its own.

Knows nothing about what is in it but the names of its tables.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from auricle.errors import AuricleError, StorageFull
from auricle.jobs.limits import FULL_RETRY_S

_SCHEMA = (
    """
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        state TEXT NOT NULL,
        asked BLOB NOT NULL,
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        expires REAL,
        held_bytes INTEGER NOT NULL DEFAULT 0,
        held_file TEXT,
        duration REAL,
        read REAL NOT NULL DEFAULT 0,
        n_windows INTEGER NOT NULL DEFAULT 0,
        failure BLOB,
        read_by TEXT,
        not_before REAL NOT NULL DEFAULT 0,
        n_tries INTEGER NOT NULL DEFAULT 0,
        n_starts INTEGER NOT NULL DEFAULT 0,
        batch TEXT,
        custom_id TEXT,
        line INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX jobs_by_state ON jobs (state, owner, seq);
    CREATE INDEX jobs_by_owner ON jobs (owner, seq);
    CREATE INDEX jobs_by_batch ON jobs (batch, line) WHERE batch IS NOT NULL;
    CREATE INDEX jobs_by_expiry ON jobs (expires) WHERE expires IS NOT NULL;

    CREATE TABLE windows (
        job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        channel INTEGER NOT NULL,
        number INTEGER NOT NULL,
        audio_crc INTEGER NOT NULL,
        start REAL NOT NULL,
        reading BLOB NOT NULL,
        PRIMARY KEY (job, channel, number)
    ) WITHOUT ROWID;

    CREATE TABLE transcripts (
        job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
        transcript BLOB NOT NULL
    );

    CREATE TABLE hooks (
        job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
        state TEXT NOT NULL,
        next REAL NOT NULL,
        n_tries INTEGER NOT NULL DEFAULT 0,
        problem TEXT
    );
    CREATE INDEX hooks_by_time ON hooks (state, next);

    CREATE TABLE files (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        name TEXT NOT NULL,
        purpose TEXT NOT NULL,
        n_bytes INTEGER NOT NULL,
        created REAL NOT NULL,
        expires REAL
    );

    CREATE TABLE batches (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        state TEXT NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX batches_by_state ON batches (state);
    """,
    "CREATE INDEX jobs_by_name ON jobs (owner, custom_id) WHERE custom_id IS NOT NULL",
)
"""What makes each version of the database from the one before."""

UNUSABLE = "The jobs that are kept here cannot be used; the log says why."

NEWER = "The jobs that are kept here were made by a newer version of Auricle."

FULL = "No room for what is kept of jobs: its disk is full."

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Database:
    """For the event loop; `close` it at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "auricle jobs")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Make the file, or read the one that is there.

        Raises:
            StorageFull: there is no room for it.
            AuricleError: it cannot be read, or is a newer server's.
        """
        await self._in_thread(self._open)

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do something in one transaction, which is on the disk when this returns. Whoever is
        cancelled meanwhile does not know whether it is.

        Raises:
            StorageFull: there is no room for it.
            AuricleError: the file is damaged.
        """
        return await self._in_thread(lambda: self._transaction(work))

    async def close(self) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        with self._translated():
            return await asyncio.shield(loop.run_in_executor(self._thread, work))

    def _open(self) -> None:
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=True)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        self._connection = connection
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_SCHEMA):
            _log.error("%s was made by a newer version of Auricle", self._path)
            raise AuricleError(NEWER, code="jobs_unusable")
        for number, statements in enumerate(_SCHEMA[version:], version + 1):
            connection.executescript(
                f"BEGIN IMMEDIATE; {statements}; PRAGMA user_version = {number}; COMMIT"
            )

    def _transaction(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._connection
        assert connection is not None, "it is not open"
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError, IndexError) as exc:
            # The latter two of names in a damaged file: no text, or of columns that are not there
            if getattr(exc, "sqlite_errorcode", 0) & 0xFF in _FULL:
                _log.warning("the disk of %s is full", self._path.parent)
                raise StorageFull(FULL, retry_after_s=FULL_RETRY_S) from exc
            _log.error("the jobs in %s cannot be used: %s", self._path, exc)
            raise AuricleError(UNUSABLE, code="jobs_unusable") from exc
        except OSError as exc:
            _log.error("cannot write %s: %s", self._path, exc.strerror)
            raise AuricleError(UNUSABLE, code="jobs_unusable") from exc
