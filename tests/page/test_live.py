"""Speech to text while it is spoken, with a recorded voice as microphone."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from auricle.runtime import Runtime
from tests.audio_files import words
from tests.page.conftest import Opened
from tests.page.seen import downloaded, parsed_srt, until_done
from tests.server.conftest import Served, serving, settings

pytestmark = pytest.mark.asyncio(loop_scope="session")

START = "Start listening"
STOP = "Stop listening"


async def heard(page: Page) -> str:
    return words(" ".join(await page.get_by_role("log").locator("p").all_inner_texts()))


async def until_heard(page: Page, text: str) -> None:
    pattern = re.compile(r"\W+".join(text.split()), re.IGNORECASE)
    await expect(page.get_by_role("log")).to_contain_text(pattern, timeout=40_000)


async def test_speech_is_read_while_it_is_spoken(real: Served, opened: Opened) -> None:
    async with opened(f"{real.url}/#live", permissions=["microphone"]) as page:
        await page.get_by_role("button", name=START).click()
        await expect(page.get_by_role("status").filter(has_text="Listening")).to_be_visible()
        await expect(page.get_by_label("Level of the microphone")).to_be_visible()
        await expect(page.locator(".tentative")).not_to_have_count(0)
        await until_heard(page, "my fellow")
        await until_heard(page, "what you can do for your country")
        controls = page.get_by_role("region", name="Microphone")
        await expect(controls).to_contain_text(re.compile(r"certain after \d\.\d s"))
        await page.get_by_role("button", name=STOP).click()
        await expect(page.get_by_role("button", name=START)).to_be_enabled()
        assert await page.locator(".tentative").count() == 0
        said = await heard(page)
        cues = parsed_srt(await downloaded(page, "srt"))
        assert words(" ".join(text for _, text in cues)) == said
        assert cues[0][0].startswith("00:00:0")
        await page.get_by_role("button", name="Read as a file").click()
        await until_done(page, "Live.webm")
        transcript = await page.get_by_role("list", name="Transcript").inner_text()
        assert "so my fellow american" in words(transcript)  # the browser compresses it


async def test_a_stream_with_a_key(opened: Opened) -> None:
    """The key is no fit name for a subprotocol, which is all that browsers can send."""
    given = settings(model="tiny.en", decoding="fast", api_keys=("a/key=,with(signs)",))
    runtime: Any = Runtime(given)
    async with (
        serving(runtime) as served,
        opened(f"{served.url}/#live", permissions=["microphone"]) as page,
    ):
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Key").fill("a/key=,with(signs)")
        await dialog.get_by_role("button", name="Use this key").click()
        await runtime.settled()
        await page.get_by_role("button", name=START).click()
        await until_heard(page, "my fellow")
        await page.get_by_role("button", name=STOP).click()
        await expect(page.get_by_role("button", name=START)).to_be_enabled()


async def test_a_server_that_stops_keeps_what_was_said(opened: Opened) -> None:
    runtime: Any = Runtime(settings(model="tiny.en", decoding="fast"))
    stack = contextlib.AsyncExitStack()
    served = await stack.enter_async_context(serving(runtime))
    await runtime.settled()
    async with opened(f"{served.url}/#live", permissions=["microphone"]) as page:
        await page.get_by_role("button", name=START).click()
        await until_heard(page, "my fellow")
        await stack.aclose()
        await expect(page.get_by_role("button", name=START)).to_be_enabled()
        problem = page.get_by_role("region", name="Live").get_by_role("alert")
        await expect(problem).to_contain_text(re.compile("The server stops|The connection broke"))
        await until_heard(page, "my fellow")


@pytest.mark.parametrize(
    ("error", "title"),
    [
        ("NotAllowedError", "The microphone is not allowed"),
        ("NotFoundError", "There is no microphone"),
        ("NotReadableError", "The microphone cannot be read"),
        (None, "Browsers give no microphone to this address"),
    ],
)
async def test_a_microphone_that_is_not_there_is_explained(
    scripted: Served, opened: Opened, error: str | None, title: str
) -> None:
    async with opened(f"{scripted.url}/#live") as page:
        await page.evaluate(
            """(error) => {
                if (error === null) delete Navigator.prototype.mediaDevices;
                else navigator.mediaDevices.getUserMedia =
                    () => Promise.reject(new DOMException("", error));
            }""",
            error,
        )
        await page.get_by_role("button", name=START).click()
        await expect(page.get_by_role("alert")).to_contain_text(title)
        await expect(page.get_by_role("button", name=START)).to_be_enabled()
