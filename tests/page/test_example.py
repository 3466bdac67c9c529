"""The example in clients/browser, on another port than the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, expect
from starlette.staticfiles import StaticFiles

from tests.page.conftest import JFK
from tests.rules.source import ROOT
from tests.server.conftest import Served, served, shared
from tests.waiting import until

__all__ = ["served", "shared"]

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address() -> AsyncIterator[str]:
    app = StaticFiles(directory=ROOT / "clients" / "browser", html=True)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws="none"))
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    [listener] = server.servers[0].sockets
    yield f"http://localhost:{listener.getsockname()[1]}/"
    server.should_exit = True
    await running


@pytest.mark.parametrize(
    ("language", "text", "complaint"),
    [("de", "Hello there. And you.", ""), ("klingon", "", "Invalid language 'klingon'.")],
)
async def test_a_file_is_shown_as_text_and_a_refusal_as_a_complaint(
    browser: Browser, address: str, served: Served, language: str, text: str, complaint: str
) -> None:
    page = await browser.new_page()
    await page.goto(address)
    await page.get_by_label("Server").fill(served.url)
    await page.get_by_label("Language").fill(language)
    await page.locator("#file").set_input_files(JFK)
    await expect(page.locator("#text")).to_have_text(text)
    await expect(page.get_by_role("alert")).to_contain_text(complaint)
    await page.close()
