"""``/docs`` in a browser: the operations are there, one can be tried, and nothing comes from
elsewhere. The hand-made page it replaced stopped in every browser, which no test had seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import expect
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle.server.app import create_app
from tests.page.conftest import Opened
from tests.page.seen import give, recording, until_done
from tests.server.conftest import settings
from tests.server.fakes import FakeRuntime
from tests.server.test_openapi import DOCUMENT
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


async def test_every_operation_is_shown_and_one_can_be_tried(opened: Opened, address: str) -> None:
    async with opened(f"{address}/docs") as page:
        await page.wait_for_selector(".opblock")
        shown = await page.locator(".opblock-summary").evaluate_all(
            """(found) => found.map((each) => {
                const path = each.querySelector(".opblock-summary-path").dataset.path;
                return `${each.querySelector(".opblock-summary-method").textContent} ${path}`;
            })"""
        )
        assert sorted(shown) == sorted(
            f"{method.upper()} {path}" for path, of in DOCUMENT["paths"].items() for method in of
        )
        await expect(page.locator(".info .title")).to_contain_text("Auricle")
        path = page.locator('[data-path="/health"]')
        health = page.locator(".opblock", has=path)
        await health.locator(".opblock-summary-control").click()
        await health.locator(".try-out__btn").click()
        async with page.expect_request(f"{address}/health"):
            await health.locator(".execute").click()
        answer = health.locator(".live-responses-table tr.response .response-col_status")
        await expect(answer.first).to_have_text("200")


async def test_the_page_works_behind_a_path(opened: Opened, address: str) -> None:
    async with opened(f"{address}/") as page:
        await give(page, recording("a.wav"))
        await until_done(page, "a.wav")
        await expect(page.get_by_role("status").first).to_contain_text("Ready")
