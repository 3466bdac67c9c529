"""The pictures of the README are taken of the real page. ``make pictures`` keeps them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from auricle.runtime import Runtime
from tests.audio_files import SAMPLES
from tests.page.conftest import JFK, Opened
from tests.page.seen import give, row, transcript, until_done
from tests.page.test_live import START, STOP, until_heard
from tests.rules.source import ROOT
from tests.server.conftest import Served, serving, settings

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEPT = "AURICLE_PICTURES"
"""The environment variable that names the folder where they are kept."""

MAX_BYTES = 200_000
SIZE = {"viewport": {"width": 1120, "height": 680}, "device_scale_factor": 1.5}
TALL = {**SIZE, "viewport": {"width": 1120, "height": 790}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def base() -> AsyncIterator[Served]:
    """A server with base, whose text is better to look at, where somebody will."""
    model = "base" if KEPT in os.environ else "tiny.en"
    runtime: Any = Runtime(settings(model=model, max_upload_mb=64))
    async with serving(runtime) as served:
        await runtime.settled()
        assert runtime.state == "ready", runtime.failure
        yield served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures are kept, which is nowhere unless it is asked for."""
    return Path(os.environ.get(KEPT, tmp_path))


async def taken(page: Page, path: Path) -> None:
    await page.mouse.move(0, 0)
    await page.evaluate("document.activeElement?.blur()")
    await page.screenshot(path=path, animations="disabled")


async def test_of_a_file(base: Served, opened: Opened, folder: Path) -> None:
    async with opened(base.url, **SIZE) as page:
        await give(page, SAMPLES / "es.wav", JFK)
        for path in (SAMPLES / "es.wav", JFK):
            await until_done(page, path.name)
        await row(page, JFK.name).get_by_role("button").first.click()
        await expect(page.locator('.player[data-can-play="true"]')).to_be_visible()
        await transcript(page).locator(".word").filter(has_text="country").first.click()
        await expect(transcript(page).locator(".word.now")).to_be_visible()
        await taken(page, folder / "file.png")


async def test_of_a_stream(base: Served, opened: Opened, folder: Path) -> None:
    options = {**SIZE, "permissions": ["microphone"], "color_scheme": "dark"}
    async with opened(f"{base.url}/#live", **options) as page:
        await page.get_by_label("Language").select_option(label="English")
        await page.get_by_role("button", name=START).click()
        await until_heard(page, "what you can do for your country")
        await expect(page.locator(".tentative")).to_have_count(1)
        await taken(page, folder / "live.png")
        await page.get_by_role("button", name=STOP).click()
        await expect(page.get_by_role("button", name=START)).to_be_enabled()


async def test_of_the_server(base: Served, opened: Opened, folder: Path) -> None:
    """It counts for a quarter of a minute while recordings are read."""
    async with opened(base.url, **TALL) as page:
        for _ in range(4):
            await give(page, SAMPLES / "es.wav", JFK, JFK)
            await page.get_by_role("link", name="Server", exact=True).click()
            async with page.expect_response("**/metrics"):
                pass
            await page.get_by_role("link", name="Files", exact=True).click()
            await expect(page.locator('.jobs li:not([data-state="done"])')).to_have_count(0)
        await page.get_by_role("link", name="Server", exact=True).click()
        await expect(page.locator(".plot polyline")).to_have_count(4)
        panel = page.get_by_role("region", name="What this machine can do")
        await expect(panel).to_contain_text("Room for")
        await taken(page, folder / "server.png")


async def test_those_that_are_kept_are_small() -> None:
    """How many bytes a new one has depends on the fonts of the machine."""
    kept = {path.name: path.stat().st_size for path in (ROOT / "docs" / "pictures").iterdir()}
    assert set(kept) == {"file.png", "live.png", "server.png"}
    assert {name: size for name, size in kept.items() if size > MAX_BYTES} == {}
