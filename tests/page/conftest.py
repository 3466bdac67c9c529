"""The page in headless Chromium, on servers that really listen."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from auricle.runtime import Runtime
from tests.audio_files import SAMPLES
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
JFK = SAMPLES / "jfk.wav"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    f"--use-file-for-fake-audio-capture={JFK}",
)
DESKTOP = {"width": 1280, "height": 800}

PATIENCE_MS = 90_000
"""What is waited for comes within a second or two, but later on a machine that is slow or busy."""

expect.set_options(timeout=PATIENCE_MS)

Opened = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Where Chromium is. Without one there is nothing to try; continuous integration must not
    miss that."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"none of {', '.join(BROWSERS)} is installed")
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(browser_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=browser_path, args=list(ARGUMENTS)
        )
        yield launched
        await launched.close()


@pytest.fixture
def opened(browser: Browser) -> Opened:
    """Open an address in a browser of its own; whatever it complains of, or asks of another
    server, fails the test."""

    @contextlib.asynccontextmanager
    async def opening(url: str, **options: Any) -> AsyncIterator[Page]:
        context = await browser.new_context(**{"viewport": DESKTOP, **options})
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        complaints: list[str] = []
        elsewhere: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.extend(_complaint(said.type, said.text)))
        page.on("request", lambda asked: elsewhere.extend(_elsewhere(asked.url, url)))
        await page.goto(url)
        yield page
        assert (complaints, elsewhere) == ([], [])
        await context.close()

    return opening


def _complaint(kind: str, text: str) -> list[str]:
    """What a page complained of; that an answer was an error is for the page to show."""
    is_refusal = text.startswith("Failed to load resource")
    return [text] if kind in ("error", "warning") and not is_refusal else []


def _elsewhere(asked: str, url: str) -> list[str]:
    parts = urlsplit(asked)
    is_own = parts.scheme in ("data", "blob") or parts.netloc == urlsplit(url).netloc
    return [] if is_own else [asked]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real() -> AsyncIterator[Served]:
    """A server with tiny.en."""
    given = settings(model="tiny.en", max_upload_mb=64, decoding="fast")
    runtime: Any = Runtime(given)  # `serving` is written for the fake; it has all that is needed
    async with serving(runtime) as served:
        await runtime.settled()
        assert runtime.state == "ready", runtime.failure
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def scripted() -> AsyncIterator[Served]:
    """A server that says what the test tells it to."""
    async with serving(FakeRuntime(settings())) as served:
        await served.runtime.started.wait()
        yield served
