"""Files that clients leave here: recordings, the lines of batches, and what came of them.

Knows nothing about what is in them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from auricle.errors import NotFound, Overloaded
from auricle.jobs import rows
from auricle.jobs.database import Database
from auricle.jobs.limits import FULL_RETRY_S, Limits, check_bytes
from auricle.jobs.rows import Page

KEEP_S = 30 * 86400.0
"""How long a file is kept of which nobody says how long, in seconds."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file; its bytes are in the folder under its id. Times are seconds since 1970."""

    id: str
    owner: str
    name: str
    purpose: str
    n_bytes: int
    created_s: float
    expires_s: float


class FileStore:
    """The files in the database."""

    def __init__(self, database: Database, limits: Limits, clock: Callable[[], float]) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock

    def new(self, file_id: str, owner: str, name: str, purpose: str, n_bytes: int) -> StoredFile:
        """A file that is not in the database yet."""
        now_s = self._clock()
        return StoredFile(file_id, owner, name, purpose, n_bytes, now_s, now_s + KEEP_S)

    async def add(self, file: StoredFile) -> None:
        """Take a file in.

        Raises:
            Overloaded: there are as many as may be.
            StorageFull: it is too large for what is left.
        """

        def work(connection: sqlite3.Connection) -> None:
            n_files = connection.execute("SELECT COUNT(*) FROM files").fetchone()[0]
            if n_files >= self._limits.max_jobs:
                raise Overloaded(
                    f"{self._limits.max_jobs} files are kept at one time (max_jobs); delete some, "
                    "or wait until they expire.",
                    code="rate_limit_exceeded",
                    retry_after_s=FULL_RETRY_S,
                )
            check_bytes(connection, file.n_bytes, self._limits.max_bytes)
            insert(connection, [file])

        await self._database.run(work)

    async def get(self, file_id: str, owner: str, param: str = "file_id") -> StoredFile:
        """Raises `NotFound`, of the parameter that names it; somebody else's file is none."""
        return await self._database.run(lambda connection: _own(connection, file_id, owner, param))

    async def page(
        self, owner: str, page: Page, purpose: str | None = None
    ) -> tuple[list[StoredFile], bool]:
        """Files of an owner, and whether there are more behind them. Raises `NotFound`."""

        def work(connection: sqlite3.Connection) -> tuple[list[StoredFile], bool]:
            clauses, values = ["owner = ?"], [owner]
            if purpose is not None:
                clauses.append("purpose = ?")
                values.append(purpose)
            ids, has_more = rows.page(connection, "files", (clauses, values), page)
            return [_own(connection, each, owner) for each in ids], has_more

        return await self._database.run(work)

    async def ids(self, owner: str) -> set[str]:
        """All that an owner has."""

        def work(connection: sqlite3.Connection) -> set[str]:
            found = connection.execute("SELECT id FROM files WHERE owner = ?", (owner,))
            return {row["id"] for row in found}

        return await self._database.run(work)

    async def delete(self, file_id: str, owner: str) -> None:
        """Forget a file. Raises `NotFound`."""

        def work(connection: sqlite3.Connection) -> None:
            _own(connection, file_id, owner)
            connection.execute("DELETE FROM files WHERE id = ?", (file_id,))

        await self._database.run(work)

    async def expire(self) -> list[str]:
        """Forget files whose time is over; their ids."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> list[str]:
            over = connection.execute("SELECT id FROM files WHERE expires <= ?", (now_s,))
            ids = [row["id"] for row in over.fetchall()]
            connection.executemany("DELETE FROM files WHERE id = ?", [(each,) for each in ids])
            return ids

        return await self._database.run(work)


def insert(connection: sqlite3.Connection, files: Sequence[StoredFile]) -> None:
    """Take files in, whatever the limits say."""
    connection.executemany(
        "INSERT INTO files (id, owner, name, purpose, n_bytes, created, expires) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                file.id,
                file.owner,
                file.name,
                file.purpose,
                file.n_bytes,
                file.created_s,
                file.expires_s,
            )
            for file in files
        ],
    )


def _own(
    connection: sqlite3.Connection, file_id: str, owner: str, param: str = "file_id"
) -> StoredFile:
    row = connection.execute(
        "SELECT * FROM files WHERE id = ? AND owner = ?", (file_id, owner)
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no file {file_id!r}.", param=param, code="file_not_found")
    return StoredFile(
        row["id"],
        row["owner"],
        row["name"],
        row["purpose"],
        row["n_bytes"],
        row["created"],
        row["expires"],
    )
