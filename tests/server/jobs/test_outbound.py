"""Jobs whose recording is fetched, and whose end is told, over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json

import openai
import pytest

from auricle.jobs.hooks import signed
from tests.jobs.test_outbound import noted, ok, server
from tests.server.jobs.conftest import Serve

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()


async def test_a_recording_is_fetched_when_its_turn_comes(serve: Serve):
    async with (
        server(lambda head: ok(b"a far talk")) as port,
        serve(job_url_hosts=("127.0.0.1",)) as jobs,
    ):
        url = f"http://127.0.0.1:{port}/talk"
        job = await jobs.ended(await jobs.created(recording=None, url=url))
        assert (job["status"], job["source"]) == ("completed", {"type": "url", "name": url})
        assert jobs.runtime.asked[0][0] == b"a far talk"


async def test_a_recording_that_is_not_there_fails_its_job(serve: Serve):
    async with (
        server(lambda head: b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n") as port,
        serve(job_url_hosts=("127.0.0.1",)) as jobs,
    ):
        url = f"http://127.0.0.1:{port}/talk"
        job = await jobs.ended(await jobs.created(recording=None, url=url))
        assert (job["status"], job["error"]["code"]) == ("failed", "recording_not_fetched")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0.0.0.0"])
async def test_a_host_that_may_be_any_is_never_this_machine(serve: Serve, host: str):
    async with serve(job_url_hosts=("*",)) as jobs:
        url = f"http://{host}:{jobs.served.address[1]}/health"
        job_id = await jobs.created(recording=None, url=url)
        job = await jobs.ended(job_id)
        assert job["status"] == "failed"
        assert (
            job["error"]["message"] == "Invalid 'url': its host has an address that is not public."
        )


async def test_whoever_wants_to_know_is_told(serve: Serve):
    told: asyncio.Queue[bytes] = asyncio.Queue()
    async with (
        server(noted(told.put_nowait)) as port,
        serve(webhook_hosts=(f"127.0.0.1:{port}",), webhook_secret=SECRET) as jobs,
    ):
        hook = {"webhook_url": f"http://127.0.0.1:{port}/hook"}
        job_id = await jobs.created(**hook)
        head = (await told.get()).decode()
        while (job := await jobs.job(job_id))["webhook"]["status"] != "delivered":
            pass
        assert job["webhook"] == {
            "url": hook["webhook_url"],
            "status": "delivered",
            "attempts": 1,
            "error": None,
        }
        assert "webhook_secret" not in json.dumps(job)
        assert head.startswith("POST /hook HTTP/1.1\r\n")
        assert f"webhook-id: evt_{job_id.removeprefix('job_')}\r\n" in head
        refused = await jobs.create(webhook_url="http://127.0.0.1:1/hook")
        assert refused.json()["error"]["param"] == "webhook_url"


async def test_a_job_may_bring_its_own_secret(serve: Serve):
    async with serve(webhook_hosts=("127.0.0.1",)) as jobs:
        url = "http://127.0.0.1:1/hook"
        missing = await jobs.create(webhook_url=url)
        assert missing.json()["error"]["param"] == "webhook_url"
        wrong = await jobs.create(webhook_url=url, webhook_secret="secret")
        assert wrong.json()["error"]["param"] == "webhook_secret"
        job = await jobs.job(await jobs.created(webhook_url=url, webhook_secret=SECRET))
        assert SECRET not in json.dumps(job)


def test_a_whole_event_is_what_openais_client_unwraps(monkeypatch: pytest.MonkeyPatch):
    body = json.dumps(
        {"id": "evt_1", "object": "event", "type": "job.completed", "created_at": 1, "data": {}}
    )
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    client = openai.OpenAI(api_key="sk-x", webhook_secret=SECRET)
    headers = signed(SECRET, "evt_1", 1_800_000_000, body.encode())
    assert client.webhooks.unwrap(body, headers).type == "job.completed"  # type: ignore[comparison-overlap]  # one of ours
