"""What a key may take holds for its jobs and batches, too, and without the key they end."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auricle import keyring
from auricle.grants import EVERYTHING, Grant
from auricle.keyring import Keyring
from auricle.server.access.keys import ApiKeys
from tests.server.fakes import HELLO, said
from tests.server.jobs.conftest import JobServer, Serve

REVOKED = (
    "The API key with which this job was made is not let in any more: it was revoked, or it has "
    "expired."
)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def held(server: JobServer, job_id: str) -> None:
    """Return once a job is in work."""
    while (await server.job(job_id))["status"] != "running":
        pass


async def test_jobs_of_a_key_that_is_let_in_no_more_end(serve: Serve):
    keys = ApiKeys(("sk-ann", "sk-bob"))
    async with serve(keys=keys, jobs_at_once=1) as server:
        gate = asyncio.Event()
        server.runtime.steps = [said(" Hello there."), gate, *HELLO]
        server.http.headers.update(bearer("sk-ann"))
        in_work, waiting = [await server.created() for _ in range(2)]
        await held(server, in_work)
        keys.take(ApiKeys(("sk-bob",)))
        assert (await server.http.get(f"/v1/jobs/{in_work}")).status_code == 401
        gate.set()
        server.http.headers.update(bearer("sk-bob"))
        theirs = await server.created()
        assert (await server.ended(theirs))["status"] == "completed"
        keys.take(ApiKeys(("sk-ann",)))
        server.http.headers.update(bearer("sk-ann"))
        first, second = await server.ended(in_work), await server.ended(waiting)
        for job in (first, second):
            error = job["error"]
            assert (job["status"], error["code"], error["message"]) == (
                "failed",
                "key_not_let_in",
                REVOKED,
            )
        assert first["progress"]["windows"] > 0  # what was read when the key was taken back
        assert second["started_at"] is not None
        assert second["progress"]["windows"] == 0


async def test_a_key_has_no_more_jobs_in_work_than_requests_at_one_time(
    serve: Serve, tmp_path: Path
):
    path = tmp_path / "keyring.json"
    now = datetime.now(UTC)
    ann = keyring.add(path, "ann", Grant(max_requests=1), None, now)
    bob = keyring.add(path, "bob", EVERYTHING, None, now)
    async with serve(keys=ApiKeys((), Keyring(path)), jobs_at_once=4) as server:
        gate = asyncio.Event()
        server.runtime.steps = [gate, *HELLO]
        server.http.headers.update(bearer(ann))
        first, second = [await server.created() for _ in range(2)]
        server.http.headers.update(bearer(bob))
        theirs = [await server.created() for _ in range(2)]
        for job_id in theirs:
            await held(server, job_id)
        server.http.headers.update(bearer(ann))
        states = [(await server.job(each))["status"] for each in (first, second)]
        assert states == ["running", "queued"]
        gate.set()
        assert (await server.ended(second))["status"] == "completed"


async def test_a_key_is_refused_while_too_much_of_its_work_waits(serve: Serve, tmp_path: Path):
    path = tmp_path / "keyring.json"
    key = keyring.add(path, "ann", Grant(max_backlog_s=2.0), None, datetime.now(UTC))
    async with serve(keys=ApiKeys((), Keyring(path))) as server:
        server.runtime.steps = [asyncio.Event()]
        server.http.headers.update(bearer(key))
        job_id = await server.created(recording=bytes(16_000 * 30))  # 30 s, of which 10 take one
        lines = {"file": ("lines.jsonl", b"{}")}
        file = (await server.http.post("/v1/files", data={"purpose": "batch"}, files=lines)).json()
        asked = {
            "input_file_id": file["id"],
            "endpoint": "/v1/audio/transcriptions",
            "completion_window": "24h",
        }
        for refused in (
            await server.create(),
            await server.http.post("/v1/batches", content=json.dumps(asked)),
        ):
            assert refused.status_code == 429
            assert refused.json()["error"]["message"] == (
                "About 3 seconds of work of your jobs are waiting; the limit of your key is 2 "
                "(max_backlog_s); try again later."
            )
            assert refused.headers["retry-after"] == "2"
        await server.http.post(f"/v1/jobs/{job_id}/cancel")
        assert (await server.create()).status_code == 201


async def test_lines_of_a_batch_end_with_the_key(serve: Serve):
    keys = ApiKeys(("sk-ann",))
    async with serve(keys=keys, jobs_at_once=1) as server:
        gate = asyncio.Event()
        server.runtime.steps = [gate, *HELLO]
        server.http.headers.update(bearer("sk-ann"))
        body = {"model": "whisper-1", "input_audio": {"data": "UklGRiB4"}}
        line = {"custom_id": "a", "method": "POST", "url": "/v1/audio/transcriptions", "body": body}
        files = {"file": ("lines.jsonl", json.dumps(line).encode())}
        file = (await server.http.post("/v1/files", data={"purpose": "batch"}, files=files)).json()
        asked = {
            "input_file_id": file["id"],
            "endpoint": "/v1/audio/transcriptions",
            "completion_window": "24h",
        }
        made = await server.http.post("/v1/batches", content=json.dumps(asked))
        batch_id = made.json()["id"]
        await server.runtime.opened.wait()
        keys.take(ApiKeys(("sk-bob",)))
        gate.set()
        server.http.headers.update(bearer("sk-bob"))
        await server.ended(await server.created())
        keys.take(ApiKeys(("sk-ann",)))
        server.http.headers.update(bearer("sk-ann"))
        while (batch := (await server.http.get(f"/v1/batches/{batch_id}")).json())[
            "status"
        ] != "completed":
            pass
        assert (batch["output_file_id"], batch["request_counts"]["failed"]) == (None, 1)
        errors = await server.http.get(f"/v1/files/{batch['error_file_id']}/content")
        response = errors.json()["response"]
        assert (response["status_code"], response["body"]["error"]["code"]) == (
            401,
            "key_not_let_in",
        )


def test_a_client_is_let_in_as_long_as_its_key(tmp_path: Path):
    path = tmp_path / "keyring.json"
    now = datetime.now(UTC)
    late = keyring.add(path, "late", EVERYTHING, now - timedelta(seconds=1), now)
    kept = keyring.add(path, "kept", EVERYTHING, None, now)
    keys = ApiKeys(("sk-fixed",), Keyring(path))
    clients = [keys.client(key, "") for key in ("sk-fixed", kept, late, "sk-unknown")]
    assert [keys.is_let_in(each) for each in clients] == [True, True, False, False]
    assert keys.is_let_in(keys.client("", "127.0.0.1"))
    assert ApiKeys(()).is_let_in(clients[0])
