"""The page in clients/browser, in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from starlette.staticfiles import StaticFiles

from tests.audio_files import SAMPLES
from tests.page.conftest import browser_path
from tests.rules.source import ROOT
from tests.sdk.test_matrix import run
from tests.server.conftest import Served, served, shared
from tests.waiting import until

__all__ = ["browser_path", "served", "shared"]

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRIVER = ROOT / "tests" / "sdk" / "node" / "recorder.mjs"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address() -> AsyncIterator[str]:
    """The folder of the page, on a port of its own."""
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
    browser_path: str, address: str, served: Served, language: str, text: str, complaint: str
):
    asked = {"url": address, "server": served.url, "language": language, "browser": browser_path}
    recording = str(SAMPLES / "jfk.wav")
    shown: dict[str, Any] = await run(("node", DRIVER), {**asked, "recording": recording})
    assert shown["text"] == text
    assert shown["complaint"].startswith(complaint)
