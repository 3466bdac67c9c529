"""Jobs over HTTP: made, followed, read in every format, listed, cancelled, deleted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from auricle.errors import EngineFailed, Unavailable
from auricle.types import Speaker
from tests.server.conftest import settings
from tests.server.fakes import HELLO, FakeRuntime, said
from tests.server.jobs.conftest import Serve

TEXT = "Hello there. And you.\n"


async def test_a_job_is_answered_at_once_and_done_later(serve: Serve):
    async with serve() as server:
        gate = asyncio.Event()
        server.runtime.steps = [gate, *HELLO]
        answer = await server.create(language="en", name="Monday", response_format="srt")
        job = answer.json()
        assert answer.status_code == 201
        assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
        assert {name: job[name] for name in ("object", "status", "name", "task", "model")} == {
            "object": "job",
            "status": "queued",
            "name": "Monday",
            "task": "transcribe",
            "model": "whisper-1",
        }
        assert job["source"] == {"type": "upload", "name": None}
        assert job["request"] == {
            "model": "whisper-1",
            "language": "en",
            "name": "Monday",
            "response_format": "srt",
        }
        early = await server.http.get(f"/v1/jobs/{job['id']}/result")
        assert (early.status_code, early.json()["error"]["code"]) == (409, "job_not_completed")
        gate.set()
        done = await server.ended(job["id"])
        assert (done["status"], done["error"]) == ("completed", None)
        assert done["progress"]["processed_s"] == done["progress"]["duration_s"] == 2.5
        assert done["expires_at"] - done["ended_at"] == 7 * 24 * 3600
        assert [each[0] for each in server.runtime.asked] == [b"RIFF speech"]
        assert server.runtime.asked[0][1].words  # so that it can be written in every format


@pytest.mark.parametrize(
    ("wanted", "begins"),
    [
        ("json", '{"text":"Hello there. And you."'),
        ("text", TEXT.rstrip()),
        ("srt", "1\n00:00:00,000 --> 00:00:0"),
        ("vtt", "WEBVTT\n"),
        ("verbose_json", '{"task":"transcribe","language":"english"'),
    ],
)
async def test_a_result_comes_in_every_format(serve: Serve, wanted: str, begins: str):
    async with serve() as server:
        job_id = await server.created()
        await server.ended(job_id)
        result = await server.http.get(
            f"/v1/jobs/{job_id}/result", params={"response_format": wanted}
        )
        assert result.text.startswith(begins)
        is_json = wanted.endswith("json")
        assert result.headers["content-type"].startswith(
            "application/json" if is_json else "text/plain"
        )


async def test_speakers_are_there_if_they_were_asked_for(serve: Serve):
    async with serve() as server:
        server.runtime.speakers = (Speaker("A", False, 1.0),)
        plain = await server.created()
        spoken = await server.created(response_format="diarized_json")
        await server.ended(plain)
        await server.ended(spoken)
        refused = await server.http.get(
            f"/v1/jobs/{plain}/result", params={"response_format": "diarized_json"}
        )
        assert refused.status_code == 400
        assert "diarize=true" in refused.json()["error"]["message"]
        result = (await server.http.get(f"/v1/jobs/{spoken}/result")).json()
        assert [each["text"] for each in result["segments"]] == [" Hello there.", " And you."]
        assert await server.text(spoken)


async def test_a_result_cannot_be_asked_for_with_what_was_settled_before(serve: Serve):
    async with serve() as server:
        job_id = await server.created()
        answer = await server.http.get(f"/v1/jobs/{job_id}/result", params={"language": "de"})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "language")
        answer = await server.http.get(
            f"/v1/jobs/{job_id}/result", params={"include[]": "logprobs"}
        )
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "include")


async def test_what_goes_wrong_is_said_in_the_job(serve: Serve):
    async with serve() as server:
        server.runtime.steps = [said(" Hello."), EngineFailed("It broke.")]
        job = await server.ended(await server.created())
        assert (job["status"], job["error"]["message"]) == ("failed", "It broke.")
        server.runtime.steps = [said(" Hello."), RuntimeError("a secret")]
        job = await server.ended(await server.created())
        assert job["error"]["message"] == "The server had an error while it worked on this job."


async def test_what_cannot_be_done_now_is_tried_again(serve: Serve):
    async with serve() as server:
        server.runtime.refusal = Unavailable("Not now.", retry_after_s=0.01)
        job_id = await server.created()
        while not server.runtime.models:  # it was tried
            await server.job(job_id)
        server.runtime.refusal = None
        assert (await server.ended(job_id))["status"] == "completed"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "2"}, "temperature"),
        ({"task": "sing"}, "task"),
        ({"path": "talk.wav"}, "path"),
        ({"url": "http://example.com/talk.wav"}, "url"),
        ({"path": "a", "url": "b"}, "path"),
        ({"webhook_url": "http://example.com/"}, "webhook_url"),
        ({"webhook_secret": "whsec_"}, "webhook_secret"),
        ({"stream": "true"}, "stream"),
        ({"name": "x" * 201}, "name"),
        ({}, "input_audio.data"),
    ],
)
async def test_what_cannot_be_asked_for(serve: Serve, fields: dict[str, str], param: str):
    async with serve() as server:
        answer = await server.create(recording=None, **fields)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert (await server.http.get("/v1/jobs")).json()["data"] == []


async def test_a_model_that_is_not_here_is_refused_at_once(serve: Serve, tmp_path: Path):
    async with serve() as server:
        answer = await server.create(model="nothing")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
        assert list((tmp_path / "data" / "recordings").iterdir()) == []


async def test_a_list_comes_in_pages(serve: Serve):
    async with serve() as server:
        ids = [await server.created() for _ in range(5)]
        first = (await server.http.get("/v1/jobs", params={"limit": "2"})).json()
        assert [job["id"] for job in first["data"]] == [ids[4], ids[3]]
        assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[4], ids[3], True)
        query = {"limit": "2", "after": ids[1], "order": "asc"}
        last = (await server.http.get("/v1/jobs", params=query)).json()
        assert ([job["id"] for job in last["data"]], last["has_more"]) == ([ids[2], ids[3]], True)
        for job_id in ids:
            await server.ended(job_id)
        done = (await server.http.get("/v1/jobs", params={"status": "completed"})).json()
        assert (len(done["data"]), done["has_more"]) == (5, False)
        for name, value in (("limit", "101"), ("order", "up"), ("status", "odd"), ("after", "x")):
            answer = await server.http.get("/v1/jobs", params={name: value})
            assert answer.json()["error"]["param"] == name


async def test_a_job_in_work_is_cancelled(serve: Serve, tmp_path: Path):
    async with serve() as server:
        server.runtime.steps = [asyncio.Event()]
        job_id = await server.created()
        await server.runtime.opened.wait()
        answer = await server.http.post(f"/v1/jobs/{job_id}/cancel")
        assert answer.json()["status"] == "cancelled"
        await server.runtime.cancelled.wait()
        assert list((tmp_path / "data" / "recordings").iterdir()) == []
        again = await server.http.post(f"/v1/jobs/{job_id}/cancel")
        assert (again.status_code, again.json()["ended_at"]) == (200, answer.json()["ended_at"])


async def test_a_deleted_job_is_gone(serve: Serve):
    async with serve() as server:
        server.runtime.steps = [asyncio.Event()]
        job_id = await server.created()
        answer = await server.http.delete(f"/v1/jobs/{job_id}")
        assert answer.json() == {"id": job_id, "object": "job.deleted", "deleted": True}
        for path in ("", "/result"):
            gone = await server.http.get(f"/v1/jobs/{job_id}{path}")
            assert (gone.status_code, gone.json()["error"]["code"]) == (404, "job_not_found")


async def test_a_key_sees_its_own_jobs_alone(serve: Serve):
    async with serve(api_keys=("sk-ann", "sk-bob")) as server:
        ann, bob = ({"authorization": f"Bearer sk-{name}"} for name in ("ann", "bob"))
        server.http.headers.update(ann)
        job_id = await server.created()
        await server.ended(job_id)
        for method, path in (("GET", ""), ("GET", "/result"), ("POST", "/cancel"), ("DELETE", "")):
            answer = await server.http.request(method, f"/v1/jobs/{job_id}{path}", headers=bob)
            assert answer.status_code == 404, path
        assert (await server.http.get("/v1/jobs", headers=bob)).json()["data"] == []
        assert [job["id"] for job in (await server.http.get("/v1/jobs")).json()["data"]] == [job_id]
        nobody = await server.http.get("/v1/jobs", headers={"authorization": ""})
        assert nobody.status_code == 401


async def test_there_is_a_limit(serve: Serve):
    async with serve(max_jobs=3, max_jobs_per_client=2) as server:
        server.runtime.steps = [asyncio.Event()]
        for _ in range(2):
            await server.created()
        answer = await server.create()
        assert answer.status_code == 429
        assert "max_jobs_per_client" in answer.json()["error"]["message"]
    async with serve(max_jobs_mb=1, max_upload_mb=2) as server:
        server.runtime.steps = [asyncio.Event()]
        await server.created(recording=bytes(700_000))
        answer = await server.create(recording=bytes(700_000))
        assert answer.status_code == 507
        assert "max_jobs_mb" in answer.json()["error"]["message"]


async def test_a_busy_server_still_takes_jobs(serve: Serve):
    async with serve() as server:
        server.runtime.overload = Unavailable("Busy.", retry_after_s=1.0)
        assert (await server.create()).status_code == 201


async def test_a_server_that_takes_no_jobs_says_so(serve: Serve):
    async with serve(max_jobs=0) as server:
        answer = await server.create()
        assert (answer.status_code, "max_jobs" in answer.json()["error"]["message"]) == (404, True)


async def test_a_second_server_leaves_the_folder_to_the_first(
    serve: Serve, caplog: pytest.LogCaptureFixture
):
    async with serve() as first:
        await first.created()
        async with serve() as second:
            answer = await second.create()
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "jobs_in_use")
            folder = str(first.runtime.settings.data_dir)
            assert folder in caplog.text
            assert folder not in answer.text


async def test_a_folder_that_cannot_be_made_is_named_in_the_log_alone(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_bytes(b"no folder")
    async with serve(data_dir=tmp_path / "file" / "jobs") as server:
        answer = await server.create()
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "jobs_unusable")
    assert f"jobs cannot be kept in {tmp_path / 'file' / 'jobs'}: Not a directory" in caplog.text
    assert str(tmp_path) not in answer.text


async def test_a_stopping_server_leaves_its_jobs_to_the_next(serve: Serve):
    async with serve() as server:
        server.runtime.steps = [said(" Hello."), asyncio.Event()]
        ids = [await server.created() for _ in range(3)]
        await server.runtime.opened.wait()
    async with serve(FakeRuntime(settings())) as server:
        for job_id in ids:
            job = await server.ended(job_id)
            assert (job["status"], await server.text(job_id)) == ("completed", TEXT)


async def test_a_file_of_the_server_is_named_by_its_path(serve: Serve, tmp_path: Path):
    archive = tmp_path / "archive"
    (archive / "old").mkdir(parents=True)
    (archive / "old" / "talk.wav").write_bytes(b"an old talk")
    (tmp_path / "secret").write_bytes(b"secret")
    (archive / "link").symlink_to(tmp_path / "secret")
    async with serve(job_folder=archive) as server:
        job = await server.ended(await server.created(recording=None, path="old/talk.wav"))
        assert job["source"] == {"type": "path", "name": "old/talk.wav"}
        assert server.runtime.asked[0][0] == b"an old talk"
        for path in ("../secret", "link", "old", "nothing", str(tmp_path / "secret"), "\0"):
            answer = await server.create(recording=None, path=path)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "path"), path
    assert (archive / "old" / "talk.wav").exists()


async def test_a_folder_that_is_not_there_is_told_of(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with serve(job_folder=tmp_path / "none") as server:
        assert (await server.create(recording=None, path="talk.wav")).status_code == 400
    told = f"{tmp_path / 'none'} (job_folder) is no folder: jobs that name a path get none"
    assert told in caplog.messages


async def test_a_file_that_has_changed_is_not_read(serve: Serve, tmp_path: Path):
    (tmp_path / "talk.wav").write_bytes(b"an old talk")
    runtime = FakeRuntime(settings())
    async with serve(runtime, job_folder=tmp_path) as server:
        runtime.steps = [asyncio.Event()]
        await server.created()
        await server.created()
        waiting = await server.created(recording=None, path="talk.wav")
        await server.runtime.opened_twice.wait()
    (tmp_path / "talk.wav").write_bytes(b"another talk")
    async with serve(job_folder=tmp_path) as server:
        job = await server.ended(waiting)
        assert (job["status"], job["error"]["param"]) == ("failed", "path")


async def test_metrics_count_jobs(serve: Serve):
    async with serve() as server:
        await server.ended(await server.created())
        page = (await server.http.get("/metrics")).text
        assert 'auricle_jobs_total{state="completed"} 1.0' in page
        assert 'auricle_stored_jobs{state="completed"} 1.0' in page


async def test_recordings_as_json(serve: Serve):
    async with serve() as server:
        body = {"model": "whisper-1", "input_audio": {"data": "UklGRg=="}, "task": "translate"}
        answer = await server.http.post("/v1/jobs", content=json.dumps(body), headers=JSON)
        job = await server.ended(answer.json()["id"])
        assert (job["task"], server.runtime.asked[0][0]) == ("translate", b"RIFF")


JSON = {"content-type": "application/json"}


async def test_metrics_are_there_when_the_jobs_cannot_be_counted(serve: Serve, tmp_path: Path):
    """There were none, just when the disk had lost something."""
    async with serve() as server:
        await server.ended(await server.created())
        assert (
            'auricle_stored_jobs{state="completed"} 1.0'
            in (await server.http.get("/metrics")).text.splitlines()
        )
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "jobs.sqlite3")) as database:
            database.execute("ALTER TABLE jobs RENAME COLUMN state TO status")
        answer = await server.http.get("/metrics")
        assert answer.status_code == 200
        lines = answer.text.splitlines()
        assert "auricle_ready 1.0" in lines
        assert not any(each.startswith("auricle_stored_jobs{") for each in lines)
