"""What was read for a job: windows while it runs, the whole transcript when it is done.

Knows nothing about how windows are read, or how a transcript is written.
"""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from auricle.errors import AuricleError, Conflict
from auricle.jobs import rows
from auricle.jobs.database import Database
from auricle.reading.reader import Reading
from auricle.telemetry.observe import NULL_OBSERVER, Observer
from auricle.types import Language, Transcript, Window

DAMAGED_CODE = "job_damaged"

WHOLE = -1
"""The channel of what is not read by channel."""


class Place(NamedTuple):
    """Which window: of which channel, the how many-th, and where it begins with what audio, so that
    windows that are cut otherwise by a newer version are others."""

    channel: int
    number: int
    start_s: float
    audio_crc: int

    @classmethod
    def of(cls, channel: int, window: Window) -> Place:
        return cls(channel, window.index, window.start_s, zlib.crc32(window.pcm.tobytes()))


class Readings:
    """Windows and transcripts in the database."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def of(self, job_id: str, model: str) -> dict[Place, Reading]:
        """What this model has read for a job; what another one has is forgotten."""

        def work(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            forgotten = connection.execute(
                "UPDATE jobs SET read_by = ?, n_windows = 0, read = 0 "
                "WHERE id = ? AND read_by IS NOT ?",
                (model, job_id, model),
            ).rowcount
            if forgotten:
                connection.execute("DELETE FROM windows WHERE job = ?", (job_id,))
            return connection.execute("SELECT * FROM windows WHERE job = ?", (job_id,)).fetchall()

        kept = await self._database.run(work)
        return await asyncio.to_thread(lambda: dict(_readable(kept)))

    async def keep(
        self, job_id: str, place: Place, end_s: float, audio_s: float, reading: Reading
    ) -> None:
        """A window was read that ends at ``end_s`` of a recording of about ``audio_s``. That of a
        job which is gone is nothing. Raises `StorageFull`."""

        def work(connection: sqlite3.Connection) -> None:
            is_there = connection.execute(
                "UPDATE jobs SET n_windows = n_windows + 1, read = MAX(read, ?), duration = ?, "
                "n_starts = 0, n_tries = 0 WHERE id = ? AND state = 'running'",
                (end_s, audio_s, job_id),
            ).rowcount
            if is_there:
                connection.execute(
                    "INSERT OR REPLACE INTO windows "
                    "(job, channel, number, start, audio_crc, reading) VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        job_id,
                        place.channel,
                        place.number,
                        place.start_s,
                        place.audio_crc,
                        msgspec.msgpack.encode(reading),
                    ),
                )

        await self._database.run(work)

    async def complete(self, job_id: str, transcript: Transcript, keep_s: float) -> bool:
        """A job is done. False: it had ended before. Raises `StorageFull`."""
        now_s = self._clock()
        encoded = await asyncio.to_thread(msgspec.msgpack.encode, transcript)

        def work(connection: sqlite3.Connection) -> bool:
            if not rows.end(connection, job_id, "completed", now_s, keep_s):
                return False
            connection.execute(
                "INSERT INTO transcripts (job, transcript) VALUES (?, ?)", (job_id, encoded)
            )
            connection.execute(
                "UPDATE jobs SET duration = ?, read = ? WHERE id = ?",
                (transcript.duration_s, transcript.duration_s, job_id),
            )
            return True

        return await self._database.run(work)

    async def transcript(self, job_id: str) -> Transcript:
        """What came of a job.

        Raises:
            NotFound: there is no such job.
            Conflict: it has no result, or none yet.
            AuricleError: it is damaged.
        """

        def work(connection: sqlite3.Connection) -> bytes:
            row = connection.execute(
                "SELECT transcript FROM transcripts WHERE job = ?", (job_id,)
            ).fetchone()
            if row is not None:
                return bytes(row["transcript"])
            state = rows.found(connection, job_id).state
            raise Conflict(
                f"The job {job_id!r} has no result: it is {state}.",
                param="id",
                code="job_not_completed",
            )

        encoded = await self._database.run(work)
        transcript = await asyncio.to_thread(rows.read, encoded, Transcript)
        if transcript is None:
            raise AuricleError(f"The result of the job {job_id!r} is damaged.", code=DAMAGED_CODE)
        return transcript


class StoredLedger:
    """The `Ledger` of one job while it runs."""

    def __init__(
        self,
        readings: Readings,
        job_id: str,
        kept: Mapping[Place, Reading],
        observer: Observer = NULL_OBSERVER,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """``check`` is asked after each window, and raises where no more are to be read."""
        self._readings = readings
        self._job_id = job_id
        self._kept = kept
        self._observer = observer
        self._check = check
        self._channel = WHOLE
        self._audio_s = 0.0

    def part(self, channel: int | None) -> StoredLedger:
        ledger = StoredLedger(self._readings, self._job_id, self._kept, self._observer, self._check)
        ledger._channel = WHOLE if channel is None else channel
        return ledger

    @property
    def language(self) -> Language | None:
        own = (place for place in self._kept if place.channel == self._channel)
        first = min(own, default=None)
        return None if first is None else self._kept[first].language

    def expect(self, audio_s: float) -> None:
        self._audio_s = audio_s

    def find(self, window: Window) -> Reading | None:
        found = self._kept.get(Place.of(self._channel, window))
        if found is not None:
            self._observer.count("job_windows", how="kept")
        return found

    async def keep(self, window: Window, reading: Reading) -> None:
        place = Place.of(self._channel, window)
        audio_s = max(self._audio_s, window.end_s)
        await self._readings.keep(self._job_id, place, window.end_s, audio_s, reading)
        self._observer.count("job_windows", how="read")
        self._check()


def _readable(kept: Sequence[sqlite3.Row]) -> Iterator[tuple[Place, Reading]]:
    """Windows that are whole; others are read again."""
    for row in kept:
        reading = rows.read(row["reading"], Reading)
        if reading is not None:
            yield Place(row["channel"], row["number"], row["start"], row["audio_crc"]), reading
