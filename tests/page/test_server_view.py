"""The page's view of the server: its models, what it has to do, and what went wrong."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from auricle import __version__
from auricle.errors import DownloadFailed, EngineFailed
from auricle.models import registry
from tests.page import seen
from tests.page.conftest import JFK, Opened
from tests.page.seen import give, recording, until_done
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime
from tests.server.jobs.conftest import JobServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


def medium_bytes() -> int:
    model = registry.resolve("medium")
    assert model is not None
    return model.download_bytes


def row(page: Page, model: str) -> Locator:
    """Of a model that is not on the machine."""
    heading = page.get_by_role("heading", name=model, exact=True)
    return page.locator(".rows").get_by_role("listitem").filter(has=heading)


def card(page: Page, model: str) -> Locator:
    heading = page.get_by_role("heading", name=model, exact=True)
    return page.get_by_role("listitem").filter(has=heading)


async def test_models_are_shown_loaded_and_unloaded(scripted: Served, opened: Opened) -> None:
    async with opened(f"{scripted.url}/#server") as page:
        await expect(page.get_by_text(f"Auricle {__version__} at 127.0.0.1")).to_be_visible()
        base = card(page, "base")
        await expect(base).to_contain_text("Loaded · 0.3 GB · cpu, int8_float32 · 2 languages")
        await expect(base).to_contain_text("2 requests, 5 windows queued")
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


async def test_a_model_is_downloaded_cancelled_and_goes_on(
    scripted: Served, opened: Opened
) -> None:
    files = scripted.runtime.files
    async with opened(scripted.url) as page:
        await page.get_by_role("link", name="More models").click()
        medium = row(page, "medium")
        await expect(medium).to_contain_text("slow without a GPU · 1.5 GB · 99 languages")
        await page.get_by_role("button", name="Download medium", exact=True).click()
        await expect(medium).to_contain_text("765 MB of 1.5 GB, 49 %")
        share = await page.get_by_role("progressbar", name="Download of medium").get_attribute(
            "value"
        )
        assert int(share or 0) == medium_bytes() // 2
        await page.get_by_role("button", name="Cancel the download of medium").click()
        await expect(medium).to_contain_text("cancelled")
        await medium.get_by_role("button", name="Download medium").click()
        await expect(
            page.get_by_role("button", name="Cancel the download of medium")
        ).to_be_visible()
        files.more.set()
        await expect(medium).to_have_count(0)
        assert files.fetched == ["medium", "medium"]


async def test_why_a_download_fails_is_said(scripted: Served, opened: Opened) -> None:
    files = scripted.runtime.files
    files.failure = DownloadFailed("hub: it cannot be reached\nindex: nor can this")
    files.more.set()
    async with opened(f"{scripted.url}/#models") as page:
        await page.get_by_role("button", name="Download tiny", exact=True).click()
        await expect(row(page, "tiny")).to_contain_text("it cannot be reached")
        files.free_bytes = 1000
        await page.get_by_role("button", name="Download small", exact=True).click()
        problem = row(page, "small").get_by_role("alert")
        await expect(problem).to_contain_text("The server's disk is full")
        await expect(problem).to_contain_text("needs 486 MB")


async def test_where_nothing_can_be_downloaded_no_button_says_otherwise(opened: Opened) -> None:
    runtime = FakeRuntime(settings())
    runtime.downloads = runtime.files.downloads(offline=True)
    async with serving(runtime) as served, opened(f"{served.url}/#models") as page:
        await expect(page.get_by_text("The server is offline")).to_be_visible()
        await expect(row(page, "medium")).to_be_visible()
        await expect(page.get_by_role("button", name="Download")).to_have_count(0)


async def test_what_the_machine_can_do(scripted: Served, opened: Opened) -> None:
    async with opened(f"{scripted.url}/#server") as page:
        panel = page.get_by_role("region", name="What this machine can do")
        for text in (
            *("Zilog Z80", "2 cores", "7.0 of 8.0 GB", "On the processor"),
            *("2 workers of 1 thread in int8", "20.5 GB", "Room for every known model"),
            "The fan is loud. To change that: hold it still",
        ):
            await expect(panel).to_contain_text(text)


async def test_errors_of_the_page_and_of_others_are_listed(
    scripted: Served, opened: Opened
) -> None:
    scripted.runtime.refusal = EngineFailed("It failed twice.")
    async with opened(scripted.url) as page, scripted.http() as http:
        await give(page, recording("a.wav"))
        await expect(seen.row(page, "a.wav")).to_contain_text("failed")
        other = await http.post("/v1/models/none/load")
        await page.get_by_role("link", name="Server", exact=True).click()
        lines = page.get_by_role("region", name="Recent errors").get_by_role("listitem")
        await expect(lines).to_have_count(2)
        theirs = lines.filter(has_text="The server does not have this model")
        await expect(theirs).to_contain_text(
            f"POST /v1/models/{{id}}/load · none{other.headers['x-request-id']}"
        )
        own = lines.filter(has_text="The server failed on this recording")
        await expect(own).to_contain_text("It failed twice.")
        await expect(own).to_contain_text("POST /v1/audio/transcriptions · whisper-1")
        await expect(own).to_contain_text(re.compile("req_[0-9a-f]{32}"))


async def test_stored_jobs_are_shown_taken_home_and_ended(opened: Opened, tmp_path: Path) -> None:
    given = settings(max_jobs=9, data_dir=tmp_path, min_free_disk_mb=0)
    async with serving(FakeRuntime(given)) as served, served.http() as http:
        await served.runtime.started.wait()
        server = JobServer(served, http)
        await server.ended(await server.created(name="one.wav"))
        served.runtime.steps = (asyncio.Event(),)
        await server.created(name="two.wav")
        async with opened(f"{served.url}/#server") as page:
            jobs = page.get_by_role("region", name="Jobs").get_by_role("listitem")
            await expect(jobs).to_have_count(2)
            await expect(jobs.nth(0)).to_contain_text("two.wavBeing read")
            await expect(jobs.nth(1)).to_contain_text("one.wavDone")
            async with page.expect_download() as download:
                await page.get_by_role("button", name="srt of one.wav").click()
            saved = await download.value
            assert saved.suggested_filename == "one.srt"
            text = (await saved.path()).read_text(encoding="utf-8")
            assert [said for _, said in seen.parsed_srt(text)] == ["Hello there.", "And you."]
            await page.get_by_role("button", name="Cancel two.wav").click()
            await expect(jobs.nth(0)).to_contain_text("Cancelled")
            await page.get_by_role("button", name="Delete one.wav").click()
            await page.get_by_role("button", name="Delete one.wav for good").click()
            await expect(jobs).to_have_count(1)


async def test_a_model_leaves_and_comes_back(real: Served, opened: Opened) -> None:
    async with opened(f"{real.url}/#server") as page:
        await page.get_by_role("button", name="Unload tiny.en").click()
        await expect(card(page, "tiny.en")).to_contain_text("Not loaded")
        await page.get_by_role("button", name="Load tiny.en").click()
        await expect(card(page, "tiny.en")).to_contain_text("Loaded")
        await expect(card(page, "tiny.en")).to_contain_text("English only")


async def test_what_the_server_did_is_drawn(real: Served, opened: Opened) -> None:
    async with opened(f"{real.url}/#server") as page:
        throughput = page.get_by_role("figure").filter(has_text="Throughput")
        await expect(throughput).to_contain_text("× real time")
        await page.get_by_role("link", name="Files", exact=True).click()
        await give(page, JFK)
        await until_done(page, JFK.name)
        await page.get_by_role("link", name="Server", exact=True).click()
        await expect(throughput.locator("polyline")).to_have_count(1)
        answer = page.get_by_role("figure").filter(has_text="Time per answer")
        await expect(answer.locator("strong")).to_have_text(re.compile(r"^\d+\.\d\d$"))
