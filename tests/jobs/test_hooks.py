"""Webhooks: signed so that others can tell, and told until they are heard."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
import pytest_asyncio

from auricle.errors import InvalidRequest
from auricle.jobs.database import Database
from auricle.jobs.hooks import DELAYS_S, Delivery, HookStore, WebhookSender, secret_bytes, signed
from auricle.jobs.job import Hook, JobRequest, StoredJob, Uploaded
from auricle.jobs.limits import Limits
from auricle.jobs.outbound import OutboundClient
from auricle.jobs.rows import DAMAGED
from auricle.jobs.store import JobStore, NewJob
from auricle.types import DecodeOptions
from tests.jobs.test_outbound import server

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def test_the_signature_is_that_of_standard_webhooks():
    """The example of its reference implementation."""
    headers = signed(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_what_is_no_secret(secret: str):
    with pytest.raises(InvalidRequest, match="webhook_secret"):
        secret_bytes(secret)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


class Hooks:
    """A database with a job that has ended, and its hook."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.clock = clock
        self._database = database
        self.jobs = JobStore(database, Limits(10, 10, 100_000), clock)
        self.store = HookStore(database, clock)

    async def ended(self, url: str) -> str:
        asked = JobRequest(Uploaded("x"), DecodeOptions(), "base", hook=Hook(url, SECRET))
        (job,) = await self.jobs.add([NewJob("", asked)])
        await self.jobs.end(job.id, "cancelled", 3600.0)
        return job.id

    async def spoil(self, job_id: str) -> None:
        """Leave nothing that can be read of what a job asks for."""
        await self._database.run(
            lambda connection: connection.execute(
                "UPDATE jobs SET asked = ? WHERE id = ?", (b"\xc1spoilt", job_id)
            )
        )

    async def send_due(self) -> None:
        hosts = OutboundClient(["localhost"], "webhook_hosts", "webhook_url", resolve)
        await WebhookSender(self.store, hosts, write, self.clock).send_due()


async def resolve(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def write(job: StoredJob) -> bytes:
    return b'{"type":"job.cancelled"}'


@pytest_asyncio.fixture
async def hooks(tmp_path: Path) -> AsyncIterator[Hooks]:
    database = Database(tmp_path / "jobs.sqlite3")
    await database.open()
    yield Hooks(database, Clock())
    await database.close()


async def test_it_is_told_once_and_can_be_checked(hooks: Hooks):
    heads: list[bytes] = []

    def answer(head: bytes) -> bytes:
        heads.append(head)
        return b"HTTP/1.1 204 Yes\r\n\r\n"

    async with server(answer) as port:
        job_id = await hooks.ended(f"http://localhost:{port}/hook")
        await hooks.send_due()
        await hooks.send_due()
    (head,) = heads
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    lines = head.decode().splitlines()[1:-1]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    signature = signed(SECRET, headers["webhook-id"], int(hooks.clock.now_s), write(None))  # type: ignore[arg-type]  # it looks at no job
    assert headers.items() >= signature.items()
    (delivery,) = (await hooks.store.of([job_id])).values()
    assert (delivery.state, delivery.n_tries, delivery.problem) == ("delivered", 1, None)


def test_openais_client_takes_what_is_signed(monkeypatch: pytest.MonkeyPatch):
    body, event_id = b'{"type":"job.completed"}', "evt_1"
    client = openai.OpenAI(api_key="sk-x", webhook_secret=SECRET)
    now_s = 1_800_000_000
    monkeypatch.setattr("time.time", lambda: float(now_s))
    client.webhooks.verify_signature(body.decode(), signed(SECRET, event_id, now_s, body))
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.verify_signature("{}", signed(SECRET, event_id, now_s, body))


async def test_a_damaged_job_keeps_no_other_hook_waiting(hooks: Hooks):
    """Nobody was told any more as long as it was kept."""
    async with server(lambda _: b"HTTP/1.1 204 Yes\r\n\r\n") as port:
        damaged = await hooks.ended(f"http://localhost:{port}/hook")
        await hooks.spoil(damaged)
        whole = await hooks.ended(f"http://localhost:{port}/hook")
        await hooks.send_due()
    found = await hooks.store.of([damaged, whole])
    assert found[damaged] == Delivery("failed", 1, DAMAGED.message)
    assert found[whole].state == "delivered"


async def test_it_is_tried_again_after_longer_and_longer_times(hooks: Hooks):
    n_asked = 0

    def answer(head: bytes) -> bytes:
        nonlocal n_asked
        n_asked += 1
        return b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"

    async with server(answer) as port:
        job_id = await hooks.ended(f"http://localhost:{port}/hook")
        for number, delay_s in enumerate((*DELAYS_S, 0.0), 1):
            await hooks.send_due()
            assert n_asked == number
            hooks.clock.now_s += delay_s - 1
            await hooks.send_due()
            assert n_asked == number
            hooks.clock.now_s += 1
    (delivery,) = (await hooks.store.of([job_id])).values()
    assert (delivery.state, delivery.n_tries) == ("failed", len(DELAYS_S) + 1)
    assert delivery.problem == "the answer was 500"


async def test_whoever_is_gone_is_told_no_more(hooks: Hooks):
    async with server(lambda head: b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n") as port:
        job_id = await hooks.ended(f"http://localhost:{port}/hook")
        await hooks.send_due()
    assert (await hooks.store.of([job_id]))[job_id].state == "failed"


async def test_whoever_must_not_be_asked_is_not(hooks: Hooks):
    job_id = await hooks.ended("http://elsewhere/hook")
    await hooks.send_due()
    delivery = (await hooks.store.of([job_id]))[job_id]
    assert (delivery.state, delivery.problem) == (
        "failed",
        "Invalid 'webhook_url': its host is not one that the operator of this server allows "
        "(webhook_hosts).",
    )
