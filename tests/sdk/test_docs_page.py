"""``/docs`` in a browser: the operations are there, one can be tried, and nothing comes from
elsewhere. The hand-made page it replaced stopped in every browser, which no test had seen."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle.server.app import create_app
from tests.rules.source import ROOT
from tests.sdk.test_matrix import run
from tests.server.conftest import settings
from tests.server.fakes import FakeRuntime
from tests.server.test_openapi import DOCUMENT
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRIVER = ROOT / "tests" / "sdk" / "node" / "page.mjs"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PREFIX = "/speech"


class Prefixed:
    """A proxy that passes on what comes for ``/speech``, without it, and refuses the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith(f"{PREFIX}/"), scope["path"]
            scope = {**scope, "path": scope["path"].removeprefix(PREFIX)}
        await self._app(scope, receive, send)


@pytest.fixture(scope="session")
def browser() -> str:
    """Where Chromium is. Without one there is nothing to try; continuous integration must not
    miss that."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"none of {', '.join(BROWSERS)} is installed")
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["", PREFIX])
async def address(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A server, at the root of its host or behind a path."""
    app: ASGIApp = create_app(FakeRuntime(settings()))
    wrapped = Prefixed(app) if request.param else app
    server = uvicorn.Server(uvicorn.Config(wrapped, port=0, log_config=None, ws="none"))
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    [listener] = server.servers[0].sockets
    yield f"http://127.0.0.1:{listener.getsockname()[1]}{request.param}"
    server.should_exit = True
    await running


async def test_the_page_shows_every_operation_and_one_can_be_tried(
    browser: str, address: str
) -> None:
    shown: dict[str, Any] = await run(
        ("node", DRIVER), {"url": f"{address}/docs", "browser": browser}
    )
    assert shown["complaints"] == []
    assert sorted(shown["operations"]) == sorted(
        f"{method.upper()} {path}" for path, of in DOCUMENT["paths"].items() for method in of
    )
    assert shown["title"].startswith("Auricle")
    assert shown["status"] == "200"
    assert {urlsplit(url).netloc for url in shown["requests"] if url.startswith("http")} == {
        urlsplit(address).netloc
    }
    assert shown["requests"][-1] == f"{address}/health"


async def test_the_viewer_is_as_its_package_has_it() -> None:
    """`make viewer` copies it anew."""
    check = await asyncio.create_subprocess_exec(
        sys.executable, ROOT / "scripts" / "viewer.py", "--check", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await check.communicate()
    assert (check.returncode, said.decode()) == (0, "")
