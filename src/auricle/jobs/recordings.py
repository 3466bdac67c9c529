"""The recordings that jobs have in the folder: noted in the database, deleted with what needs them.

Knows nothing about what is in them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from auricle.jobs import rows
from auricle.jobs.database import Database
from auricle.jobs.folder import Folder
from auricle.jobs.limits import check_bytes

_LET_GO = (
    "UPDATE jobs SET held_file = NULL, held_bytes = LENGTH(asked) + COALESCE("
    "(SELECT LENGTH(transcript) FROM transcripts WHERE job = jobs.id), 0)"
)


class Recordings:
    """``max_bytes``: what recordings and files may take together."""

    def __init__(self, folder: Folder, database: Database, max_bytes: int) -> None:
        self.folder = folder
        self._database = database
        self._max_bytes = max_bytes

    async def hold(self, job_id: str, name: str, n_bytes: int) -> None:
        """A job has a recording from now on: it was fetched. Raises `StorageFull`."""

        def work(connection: sqlite3.Connection) -> None:
            check_bytes(connection, n_bytes, self._max_bytes)
            connection.execute(
                "UPDATE jobs SET held_file = ?, held_bytes = held_bytes + ? WHERE id = ?",
                (name, n_bytes, job_id),
            )

        await self._database.run(work)

    async def held(self, job_id: str) -> str | None:
        """The name of a job's recording in the folder."""
        return await self._database.run(lambda connection: rows.held_file(connection, job_id))

    async def drop(self, job_id: str) -> None:
        """A job needs its recording no more. What it takes now is its result."""

        def work(connection: sqlite3.Connection) -> str | None:
            name = rows.held_file(connection, job_id)
            connection.execute(f"{_LET_GO} WHERE id = ?", (job_id,))
            return name

        name = await self._database.run(work)
        await self.remove([name] if name else [])

    async def remove(self, names: Sequence[str]) -> None:
        """Delete recordings whose jobs are gone."""
        for name in names:
            await asyncio.to_thread(self.folder.remove, name)

    async def sweep(self) -> int:
        """Delete recordings that no job needs, of uploads and jobs that were not seen to the end
        because their server was killed. How many."""

        def work(connection: sqlite3.Connection) -> set[str]:
            connection.execute(f"{_LET_GO} WHERE ended IS NOT NULL AND held_file IS NOT NULL")
            held = connection.execute("SELECT held_file FROM jobs WHERE held_file IS NOT NULL")
            files = connection.execute("SELECT id FROM files")
            return {row[0] for row in held} | {row[0] for row in files}

        known = await self._database.run(work)
        return await asyncio.to_thread(self.folder.sweep, known)
