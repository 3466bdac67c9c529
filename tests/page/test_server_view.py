"""The page's view of the server: its models, what it has to do, and what went wrong."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from auricle import __version__
from auricle.errors import EngineFailed
from tests.page.conftest import JFK, Opened
from tests.page.seen import give, recording, row, until_done
from tests.server.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")


def card(page: Page, model: str) -> Locator:
    heading = page.get_by_role("heading", name=model, exact=True)
    return page.get_by_role("listitem").filter(has=heading)


async def test_models_are_shown_loaded_and_unloaded(scripted: Served, opened: Opened) -> None:
    async with opened(f"{scripted.url}/#server") as page:
        await expect(page.get_by_text(f"Auricle {__version__} at 127.0.0.1")).to_be_visible()
        base = card(page, "base")
        await expect(base).to_contain_text("Loaded · 300 MiB · cpu, int8_float32 · 2 languages")
        await expect(base).to_contain_text("2 requests, 5 windows wait")
        await expect(card(page, "small")).to_contain_text("Not loaded")
        await expect(page.get_by_role("heading", name="whisper-1")).to_have_count(0)
        await page.get_by_role("button", name="Load small").click()
        await expect(page.get_by_role("button", name="Load small")).to_be_enabled()
        await page.get_by_role("button", name="Unload base").click()
        await expect(page.get_by_role("button", name="Unload base")).to_be_enabled()
        assert scripted.runtime.changes == [("load", "small"), ("unload", "base")]


async def test_a_model_that_cannot_be_unloaded_says_why(scripted: Served, opened: Opened) -> None:
    scripted.runtime.in_use = {"base"}
    async with opened(f"{scripted.url}/#server") as page:
        await page.get_by_role("button", name="Unload base").click()
        await expect(card(page, "base").get_by_role("alert")).to_contain_text("in use")


async def test_errors_are_listed_with_their_requests(scripted: Served, opened: Opened) -> None:
    scripted.runtime.refusal = EngineFailed("It failed twice.")
    async with opened(scripted.url) as page:
        await give(page, recording("a.wav"))
        await expect(row(page, "a.wav")).to_contain_text("failed")
        await page.get_by_role("link", name="Server", exact=True).click()
        [line] = await page.get_by_role("table").locator("tbody tr").all()
        await expect(line).to_contain_text("The server failed on this recording (500)")
        await expect(line).to_contain_text(re.compile("req_[0-9a-f]{32}"))


async def test_a_model_leaves_and_comes_back(real: Served, opened: Opened) -> None:
    async with opened(f"{real.url}/#server") as page:
        await page.get_by_role("button", name="Unload tiny.en").click()
        await expect(card(page, "tiny.en")).to_contain_text("Not loaded", timeout=30_000)
        await page.get_by_role("button", name="Load tiny.en").click()
        await expect(card(page, "tiny.en")).to_contain_text("Loaded", timeout=60_000)
        await expect(card(page, "tiny.en")).to_contain_text("English only")


async def test_what_the_server_did_is_drawn(real: Served, opened: Opened) -> None:
    async with opened(f"{real.url}/#server") as page:
        throughput = page.get_by_role("figure").filter(has_text="Throughput")
        await expect(throughput).to_contain_text("s of audio a second")
        await page.get_by_role("link", name="Files", exact=True).click()
        await give(page, JFK)
        await until_done(page, JFK.name)
        await page.get_by_role("link", name="Server", exact=True).click()
        await expect(throughput.locator("polyline")).to_have_count(1)
        answer = page.get_by_role("figure").filter(has_text="Time for an answer")
        await expect(answer.locator("strong")).to_have_text(re.compile(r"^\d+\.\d\d$"))
