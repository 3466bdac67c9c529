"""https and wss, and certificates that cannot be used."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import connect

from auricle.errors import BadSetting
from tests.server.conftest import Log, Served, serving, settings
from tests.server.fakes import FakeRuntime
from tests.server.raw import connected
from tests.server.transport.test_socket import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLDER = Path(__file__).parents[1] / "tls"
CERT = FOLDER / "localhost.pem"
TRUSTS_IT = ssl.create_default_context(cafile=str(CERT))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secure() -> AsyncIterator[Served]:
    runtime = FakeRuntime(settings(tls_cert=CERT, tls_key=FOLDER / "localhost.key"))
    async with serving(runtime, [WebSocketRoute("/talk", Talk())]) as served:
        await runtime.started.wait()
        yield served


async def test_https(secure: Served) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    form = {"data": {"model": "base"}, "files": {"file": b"audio"}}
    async with httpx2.AsyncClient(base_url=secure.url, verify=TRUSTS_IT) as http:
        answer = await http.post("/v1/audio/transcriptions", **form)  # type: ignore[arg-type]  # one table
    assert answer.json()["text"] == "Hello there. And you."


async def test_wss(secure: Served) -> None:
    url = secure.url.replace("https", "wss")
    async with connect(f"{url}/talk", ssl=TRUSTS_IT, proxy=None) as client:
        await client.send("hello")
        assert await client.recv() == "5 str"


async def test_an_address_that_is_proposed_is_one_of_wss(secure: Served) -> None:
    url = secure.url.replace("https", "wss")
    async with connect(f"{url}/v1/realtime", ssl=TRUSTS_IT, proxy=None) as client:
        message = json.loads(await client.recv())["error"]["message"]
    assert message.endswith(f" for example {url}/v1/realtime?intent=transcription.")


async def test_plain_http_gets_no_answer_and_harms_nobody(secure: Served, log: Log) -> None:
    async with connected(secure) as client:
        await client.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await client.rest() == b""
    await test_https(secure)


async def test_a_client_that_leaves_cancels_its_transcription(secure: Served) -> None:
    secure.runtime.reset()
    secure.runtime.steps = (asyncio.Event(),)
    form = {"data": {"model": "base"}, "files": {"file": b"audio"}}
    async with httpx2.AsyncClient(base_url=secure.url, verify=TRUSTS_IT) as http:
        asking = asyncio.create_task(http.post("/v1/audio/transcriptions", **form))  # type: ignore[arg-type]  # one table
        await secure.runtime.opened.wait()
        asking.cancel()
    await secure.runtime.cancelled.wait()


@pytest.mark.parametrize(
    ("cert", "key", "message"),
    [
        (CERT, None, "tls_key is missing: TLS needs a certificate and its key"),
        (None, CERT, "tls_cert is missing: TLS needs a certificate and its key"),
        (FOLDER / "none.pem", CERT, "none.pem (tls_cert): there is no such file"),
        (CERT, FOLDER / "none.key", "none.key (tls_key): there is no such file"),
        (CERT, FOLDER / "other.key", "other.key (tls_key): KEY_VALUES_MISMATCH"),
        (CERT, FOLDER / "encrypted.key", "encrypted.key (tls_key): the key is encrypted"),
        (FOLDER / "README.md", CERT, "localhost.pem (tls_key): not PEM"),
    ],
)
async def test_a_certificate_that_cannot_be_used_stops_the_start(
    cert: Path | None, key: Path | None, message: str
) -> None:
    """A key with a password would have had the server wait on the terminal."""
    with pytest.raises(BadSetting) as caught:
        async with serving(FakeRuntime(settings(tls_cert=cert, tls_key=key))):
            pass
    assert caught.value.message.endswith(message)
