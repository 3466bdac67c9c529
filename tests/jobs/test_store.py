"""Jobs in the database: whose turn it is, what a killed server leaves, and what expires."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from auricle.errors import AuricleError, Conflict, NotFound, StorageFull
from auricle.jobs.batch import BatchStore, StoredBatch
from auricle.jobs.database import Database
from auricle.jobs.folder import Folder, data_dir
from auricle.jobs.job import Failure, JobRequest, StoredJob, Uploaded
from auricle.jobs.limits import Limits
from auricle.jobs.readings import Place, Readings, StoredLedger
from auricle.jobs.recordings import Recordings
from auricle.jobs.rows import DAMAGED, Page
from auricle.jobs.store import JobStore, NewJob
from auricle.opening import BYTES_PER_S
from auricle.reading.reader import Reading
from auricle.types import DecodeOptions, KnownVoice, Language, SpeakerOptions, Transcript
from tests.fakes import window
from tests.jobs.test_hooks import Clock
from tests.server.fakes import HELLO

KEEP_S = 3600.0
DEADLY = Failure("It kills.", "server_error")
OPTIONS = DecodeOptions(language="en", speakers=SpeakerOptions(known=(KnownVoice("Ann", b"x"),)))
BATCH = StoredBatch(
    id="",
    owner="",
    state="validating",
    endpoint="/v1/audio/transcriptions",
    input_file_id="file-1",
    window="24h",
    created_s=0.0,
    expires_s=86_400.0,
)
READING = Reading(HELLO, Language("en", 0.5), "Hello")


class Kept:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.clock = Clock()
        self.jobs = JobStore(database, Limits(100, 100, 10_000), self.clock)
        self.readings = Readings(database, self.clock)

    async def add(self, owner: str = "ann", held_bytes: int = 0) -> StoredJob:
        asked = JobRequest(Uploaded("rec_1"), OPTIONS, "base", (("model", "base"),))
        (job,) = await self.jobs.add([NewJob(owner, asked, "rec_1", held_bytes)])
        return job

    async def spoil(self, table: str, column: str, job_id: str, key: str = "job") -> None:
        """Leave nothing that can be read of a column."""
        await self._database.run(
            lambda connection: connection.execute(
                f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (b"\xc1spoilt", job_id)
            )
        )

    async def taken(self, served: list[str]) -> str | None:
        """Whose job is next."""
        job = await self.jobs.take(served)
        return None if job is None else job.owner


@pytest_asyncio.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    database = Database(tmp_path / "jobs.sqlite3")
    await database.open()
    yield Kept(database)
    await database.close()


async def test_a_job_comes_back_as_it_was_asked_for(kept: Kept):
    job = await kept.add()
    assert await kept.jobs.get(job.id, "ann") == job
    assert (job.request.options, job.state, job.created_s) == (OPTIONS, "queued", kept.clock.now_s)
    with pytest.raises(NotFound):
        await kept.jobs.get(job.id, "bob")


async def test_owners_take_turns(kept: Kept):
    for owner in ("ann", "ann", "ann", "bob", "cleo"):
        await kept.add(owner)
    served: list[str] = []
    while (next_owner := await kept.taken(served)) is not None:
        served = [*(each for each in served if each != next_owner), next_owner]
        kept.clock.now_s += 1
    assert served == ["bob", "cleo", "ann"]
    counts = await kept.jobs.counts()
    assert counts == {"running": 5}


async def test_the_order_of_turns(kept: Kept):
    for owner in ("ann", "ann", "bob"):
        await kept.add(owner)
    assert [await kept.taken(served) for served in ([], ["ann"], ["ann", "bob"])] == [
        "ann",
        "bob",
        "ann",
    ]


async def test_what_is_put_back_waits(kept: Kept):
    job = await kept.add()
    await kept.jobs.take([])
    assert await kept.jobs.put_back(job.id, 10.0) == 1
    assert await kept.jobs.next_due_s() == kept.clock.now_s + 10
    assert await kept.taken([]) is None
    kept.clock.now_s += 10
    assert await kept.taken([]) == "ann"
    await kept.jobs.put_back(job.id, is_clean=True)
    assert await kept.taken([]) == "ann"


async def test_what_was_running_is_queued_again_and_what_kills_servers_is_not(kept: Kept):
    job = await kept.add()
    for _ in range(2):
        await kept.jobs.take([])
        assert await kept.jobs.recover(3, DEADLY, KEEP_S) == 1
    await kept.jobs.take([])
    await kept.readings.of(job.id, "base")
    place = Place(-1, 0, 0.0, 1)
    await kept.readings.keep(job.id, place, 5.0, 10.0, READING)  # it goes on: the count begins anew
    for _ in range(2):
        assert await kept.jobs.recover(3, DEADLY, KEEP_S) == 1
        await kept.jobs.take([])
    assert await kept.jobs.recover(3, DEADLY, KEEP_S) == 1
    await kept.jobs.take([])
    assert await kept.jobs.recover(3, DEADLY, KEEP_S) == 0
    found = await kept.jobs.get(job.id, "ann")
    assert (found.state, found.failure) == ("failed", DEADLY)


async def test_a_ledger_knows_what_was_kept_and_no_other_window(kept: Kept):
    job = await kept.add()
    await kept.jobs.take([])
    ledger = StoredLedger(kept.readings, job.id, await kept.readings.of(job.id, "base")).part(None)
    assert (ledger.language, ledger.find(window(0))) == (None, None)
    ledger.expect(60.0)
    await ledger.keep(window(1), READING)
    found = await kept.jobs.get(job.id, "ann")
    assert (found.n_windows, found.read_s, found.duration_s) == (1, 32.0, 60.0)

    again = StoredLedger(kept.readings, job.id, await kept.readings.of(job.id, "base"))
    assert again.part(None).find(window(1)) == READING
    assert again.part(None).language == Language("en", 0.5)
    assert again.part(None).find(window(1, seconds=3.0)) is None  # cut otherwise
    assert again.part(0).find(window(1)) is None  # another channel

    assert await kept.readings.of(job.id, "small") == {}
    assert await kept.readings.of(job.id, "base") == {}  # another model has begun anew
    assert (await kept.jobs.get(job.id, "ann")).n_windows == 0


async def test_what_has_ended_stays_as_it_is(kept: Kept):
    job = await kept.add()
    await kept.jobs.take([])
    with pytest.raises(Conflict, match="it is running"):
        await kept.readings.transcript(job.id)
    transcript = Transcript("transcribe", Language("en"), 2.5, HELLO)
    assert await kept.readings.complete(job.id, transcript, KEEP_S)
    assert await kept.readings.transcript(job.id) == transcript
    _, is_news = await kept.jobs.end(job.id, "cancelled", KEEP_S)
    assert not is_news
    assert not await kept.readings.complete(job.id, transcript, KEEP_S)
    assert await kept.taken([]) is None


async def test_a_window_of_a_cancelled_job_is_not_kept(kept: Kept):
    job = await kept.add()
    await kept.jobs.take([])
    await kept.readings.of(job.id, "base")
    await kept.jobs.end(job.id, "cancelled", KEEP_S)
    await kept.readings.keep(job.id, Place(-1, 0, 0.0, 1), 5.0, 10.0, READING)
    assert await kept.readings.of(job.id, "base") == {}


async def test_what_has_ended_expires(kept: Kept):
    ended, waiting = await kept.add(), await kept.add()
    await kept.jobs.end(ended.id, "cancelled", KEEP_S)
    kept.clock.now_s += KEEP_S - 1
    assert await kept.jobs.expire() == []
    kept.clock.now_s += 1
    assert await kept.jobs.expire() == ["rec_1"]
    with pytest.raises(NotFound):
        await kept.jobs.get(ended.id, "ann")
    assert await kept.jobs.get(waiting.id, "ann")


async def test_recordings_have_a_limit_together(kept: Kept):
    await kept.add(held_bytes=6000)
    with pytest.raises(StorageFull, match="max_jobs_mb"):
        await kept.add(held_bytes=6000)
    await kept.add(held_bytes=1000)


async def test_voices_are_kept_as_long_as_they_are_needed(kept: Kept):
    job = await kept.add()
    assert job.request.options == OPTIONS
    ended, _ = await kept.jobs.end(job.id, "cancelled", KEEP_S)
    speakers = ended.request.options.speakers
    assert speakers is not None
    assert speakers.known == (KnownVoice("Ann", b""),)


async def test_a_clock_that_is_set_back_keeps_nobody_waiting(kept: Kept):
    """A job that was to be tried again in 10 s was so after a day and 10 s."""
    job = await kept.add()
    await kept.jobs.take([])
    await kept.jobs.put_back(job.id, 10.0)
    assert await kept.taken([]) is None
    kept.clock.now_s -= 86_400
    assert await kept.taken([]) == "ann"


async def test_a_damaged_row_is_the_trouble_of_its_job_alone(kept: Kept):
    """One that could not be read kept all others waiting, for ever."""
    first, second = await kept.add(), await kept.add()
    await kept.spoil("jobs", "asked", first.id, "id")
    taken = await kept.jobs.take([])
    assert taken is not None
    assert (taken.id, taken.failure) == (first.id, DAMAGED)
    ended, _ = await kept.jobs.end(first.id, "failed", KEEP_S, taken.failure)
    assert (ended.state, ended.failure) == ("failed", DAMAGED)
    taken = await kept.jobs.take([])
    assert taken is not None
    assert (taken.id, taken.failure) == (second.id, None)


async def test_a_damaged_job_counts_as_what_is_held_of_it(kept: Kept):
    """One that could not be read kept its owner from making others."""
    await kept.add(held_bytes=1000)
    damaged = await kept.add(held_bytes=6000)
    whole_s = await kept.jobs.waiting_s("ann")
    await kept.spoil("jobs", "asked", damaged.id, "id")
    assert await kept.jobs.waiting_s("ann") == whole_s >= 7000 / BYTES_PER_S


async def test_a_damaged_window_is_read_again_and_a_damaged_result_is_told(kept: Kept):
    job = await kept.add()
    await kept.jobs.take([])
    await kept.readings.of(job.id, "base")
    for number in range(2):
        place = Place.of(0, window(number))
        await kept.readings.keep(job.id, place, 2.0, 60.0, READING)
    await kept.spoil("windows", "reading", job.id)
    assert await kept.readings.of(job.id, "base") == {}
    transcript = Transcript("transcribe", Language("en", 0.5), 60.0, HELLO)
    assert await kept.readings.complete(job.id, transcript, KEEP_S)
    await kept.spoil("transcripts", "transcript", job.id)
    with pytest.raises(AuricleError, match="is damaged") as caught:
        await kept.readings.transcript(job.id)
    assert caught.value.code == "job_damaged"


async def test_a_damaged_batch_keeps_no_other_waiting(kept: Kept):
    """None was looked at any more, and none forgotten."""
    batches = BatchStore(kept._database, kept.jobs, kept.clock)
    for name in ("batch_1", "batch_2"):
        await batches.add(msgspec.structs.replace(BATCH, id=name))
    await kept.spoil("batches", "body", "batch_1", "id")
    assert [each.id for each in await batches.open()] == ["batch_2"]
    with pytest.raises(NotFound):
        await batches.get("batch_1", "")
    await batches.expire()
    found, _ = await batches.page("", Page())
    assert [each.id for each in found] == ["batch_2"]


async def test_recordings_of_jobs_that_have_ended_go_with_the_next_start(tmp_path: Path):
    """That of a job with which servers died, or whose server was killed just when it had ended,
    stayed as long as the job."""
    folder = Folder(tmp_path)
    folder.open()
    database = Database(folder.database)
    await database.open()
    kept = Kept(database)
    recordings = Recordings(folder, database, 10_000)
    for name in ("rec_1", "rec_2", "rec_3"):
        folder.file(name).write_bytes(b"RIFF")
    whole, over = await kept.add(held_bytes=1000), await kept.add(held_bytes=1000)
    await recordings.hold(whole.id, "rec_1", 0)
    await recordings.hold(over.id, "rec_2", 0)
    await kept.jobs.end(over.id, "failed", KEEP_S, DEADLY)
    assert await recordings.sweep() == 2
    assert [path.name for path in folder.recordings.iterdir()] == ["rec_1"]
    assert await recordings.held(whole.id) == "rec_1"
    assert (await kept.jobs.get(over.id, None)).held_bytes < 1000
    await database.close()
    folder.close()


async def test_names_in_a_damaged_file_need_not_be_text(tmp_path: Path):
    """Python cannot read the message of SQLite then, which was taken for a fault of ours."""
    path = tmp_path / "jobs.sqlite3"
    whole = Database(path)
    await whole.open()
    await whole.close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE windows", b"CREATE TABLE \xffindow("))
    damaged = Database(path)
    with pytest.raises(AuricleError, match="cannot be used"):
        await damaged.open()
    await damaged.close()


async def test_columns_need_not_be_there(tmp_path: Path):
    """A damaged name of one was taken for a fault of ours."""
    database = Database(tmp_path / "jobs.sqlite3")
    await database.open()
    await database.run(lambda c: c.execute("ALTER TABLE jobs RENAME COLUMN read TO reed"))
    jobs = JobStore(database, Limits(10, 10, 1000), Clock())
    with pytest.raises(AuricleError, match="cannot be used"):
        await jobs.add([NewJob("", JobRequest(Uploaded("rec_1"), DecodeOptions(), "base"))])
    await database.close()


async def test_files_of_a_newer_version_and_files_that_are_none(tmp_path: Path):
    path = tmp_path / "newer"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    newer = Database(path)
    with pytest.raises(AuricleError, match="newer version"):
        await newer.open()
    await newer.close()
    (tmp_path / "none").write_bytes(b"no database at all" * 100)
    none = Database(tmp_path / "none")
    with pytest.raises(AuricleError, match="cannot be used"):
        await none.open()
    await none.close()


def test_where_jobs_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert data_dir(Path("/srv/jobs"), {}) == Path("/srv/jobs")
    assert data_dir(None, {"XDG_DATA_HOME": "/data"}) == Path("/data/auricle")


def test_recordings_that_no_job_has_are_deleted(tmp_path: Path):
    folder = Folder(tmp_path / "data")
    folder.open()
    (tmp_path / "upload").write_bytes(b"a talk")
    name = folder.take(tmp_path / "upload")
    (folder.recordings / "left").write_bytes(b"x")
    assert (folder.sweep({name}), folder.file(name).read_bytes()) == (1, b"a talk")
    folder.close()
