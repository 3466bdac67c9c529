"""A server that really listens, on a runtime without a model: one for the whole session."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx2
import openai
import pytest
import pytest_asyncio
from starlette.routing import BaseRoute

from auricle.server.access.keys import ApiKeys
from auricle.server.serve import Server
from auricle.settings.config import Settings
from auricle.telemetry.request_id import AddRequestId
from auricle.telemetry.tracing import NULL_SPAN, Span
from tests.server.fakes import FakeRuntime

CLIENT_MAX_S = 240.0
"""How long a client waits for an answer: as long as a test may take, on whatever machine."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Without certificates: reading all that a machine trusts takes a client longer than a request."""


class Served:
    """A running server, its runtime, and clients for it."""

    def __init__(self, server: Server, runtime: FakeRuntime) -> None:
        self.server = server
        self.runtime = runtime
        self.url = server.urls[0]

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.partition("://")[2].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def client(self) -> openai.OpenAI:
        http = openai.DefaultHttpxClient(verify=NO_TLS)
        url = f"{self.url}/v1"
        return openai.OpenAI(base_url=url, api_key="sk-test", max_retries=0, http_client=http)

    def async_client(self, api_key: str = "sk-test") -> openai.AsyncOpenAI:
        http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
        url = f"{self.url}/v1"
        return openai.AsyncOpenAI(base_url=url, api_key=api_key, max_retries=0, http_client=http)

    def http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, verify=NO_TLS, timeout=CLIENT_MAX_S)


@contextlib.asynccontextmanager
async def serving(
    runtime: FakeRuntime,
    routes: Sequence[BaseRoute] = (),
    keys: ApiKeys | None = None,
    tracer: Span = NULL_SPAN,
) -> AsyncIterator[Served]:
    """Run a server until the context is left, with paths, keys and a tracer of the test's own."""
    server = Server(runtime.settings, runtime, keys=keys, tracer=tracer)
    server._uvicorn.config.app.router.routes[:0] = routes  # type: ignore[union-attr]  # Starlette's
    running = asyncio.create_task(server.run())
    try:
        yield Served(server, runtime)
    finally:
        server.stop()
        server.stop()
        await running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared() -> AsyncIterator[Served]:
    async with serving(FakeRuntime(settings())) as served:
        await served.runtime.started.wait()
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.runtime.reset()
    return shared


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder uploads go to, so that a test can see what is left in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


class Log:
    """What Auricle logged during a test, from INFO on, each line with the id of its request."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def lines(self) -> list[str]:
        return [
            f"{record.getMessage()}{record.__dict__['request']}"
            for record in self._caplog.records
            if record.name.startswith("auricle")
        ]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Log]:
    caplog.set_level(logging.INFO, "auricle")
    add_id = AddRequestId()
    caplog.handler.addFilter(add_id)
    yield Log(caplog)
    caplog.handler.removeFilter(add_id)


def settings(**changes: object) -> Settings:
    given: dict[str, object] = {
        "host": "127.0.0.1",
        "port": 0,
        "max_upload_mb": 1,
        "max_jobs": 0,  # those of whoever runs the tests are none of theirs
        "engine": "ctranslate2",  # "auto" would depend on which one is faster here
        **changes,
    }
    return Settings(**given)  # type: ignore[arg-type]  # a table of defaults has no one type
