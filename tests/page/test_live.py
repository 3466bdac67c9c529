"""Speech to text while it is spoken, with a recorded voice as microphone."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.async_api import Page, expect

from auricle.live.effects import Effect, Final, LiveWord, TurnEnded, TurnStarted, Update
from auricle.runtime import Runtime
from auricle.types import Language, SpeakerOptions
from tests.audio_files import JFK_WORDS, words
from tests.page.conftest import Opened
from tests.page.seen import cues as cues_of
from tests.page.seen import downloaded, likeness, parsed_srt
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeLive

pytestmark = pytest.mark.asyncio(loop_scope="session")

START = "Start listening"
STOP = "Stop listening"


async def heard(page: Page) -> str:
    return words(" ".join(await page.get_by_role("log").locator("p").all_inner_texts()))


async def until_heard(page: Page, text: str) -> None:
    pattern = re.compile(r"\W+".join(text.split()), re.IGNORECASE)
    await expect(page.get_by_role("log")).to_contain_text(pattern)


async def test_speech_is_read_while_it_is_spoken(real: Served, opened: Opened) -> None:
    async with opened(f"{real.url}/#live", permissions=["microphone"]) as page:
        await page.get_by_role("button", name=START).click()
        await expect(page.get_by_role("status").filter(has_text="Listening")).to_be_visible()
        await expect(page.get_by_label("Level of the microphone")).to_be_visible()
        await expect(page.locator(".tentative")).not_to_have_count(0)
        await until_heard(page, "my fellow")
        await until_heard(page, "what you can do for your country")
        controls = page.get_by_role("region", name="Microphone")
        await expect(controls).to_contain_text(re.compile(r"English · \d+\.\d s behind"))
        await page.get_by_role("button", name=STOP).click()
        await expect(page.get_by_role("button", name=START)).to_be_enabled()
        await expect(page.locator(".tentative")).to_have_count(0)
        said = await heard(page)
        cues = parsed_srt(await downloaded(page, "srt"))
        assert words(" ".join(text for _, text in cues)) == said
        assert cues[0][0].startswith("00:00:0")
        await page.get_by_role("button", name="Listen and edit").click()
        await expect(page.locator('.player[data-can-play="true"]')).to_be_visible()
        assert words(" ".join(await cues_of(page))) == said
        await page.get_by_role("button", name="Read again").click()
        await expect(page.locator(".jobs li")).to_have_count(2)  # what was spoken stays
        await expect(page.locator('.jobs li:not([data-state="done"])')).to_have_count(0)
        assert likeness(" ".join(await cues_of(page)), JFK_WORDS) > 0.5


def talk(live: FakeLive, told: str) -> Sequence[Effect]:
    """Three people talk in a turn at the first sound, and nobody does later."""
    if live.options.speakers is None:
        return ()  # the stream before the page said what it wants
    if told == "commit":
        now_s = live.now_s
        return (TurnEnded(1, 3.0, now_s), Final(1, 3.0, now_s, (), None))
    if told != "send" or live.told.count("send") > 1:
        return ()
    said = (
        *(word("Is", 0, "A"), word("it", 0.3, "A"), word("late?", 0.5, "A")),
        *(word("Not", 1.5, "B"), word("yet.", 1.8, "B"), word("Good.", 2.2, "C")),
    )
    return (
        TurnStarted(0, 0.0),
        Update(0, said, ()),
        TurnEnded(0, 0.0, 3.0),
        Final(0, 0.0, 3.0, said, Language("nl", 0.9)),
    )


def word(text: str, start_s: float, speaker: str) -> LiveWord:
    return LiveWord(f" {text}", start_s, start_s + 0.2, 0.9, speaker=speaker)


async def test_speakers_are_told_apart_named_and_merged(scripted: Served, opened: Opened) -> None:
    scripted.runtime.live_says = talk
    async with opened(f"{scripted.url}/#live", permissions=["microphone"]) as page:
        await page.get_by_role("switch", name="Tell speakers apart").check()
        await page.get_by_role("button", name=START).click()
        who = page.get_by_role("log").locator(".who")
        await expect(who).to_have_text(["A", "B", "C"])
        [live] = [each for each in scripted.runtime.lives if each.options.speakers is not None]
        assert live.options.speakers == SpeakerOptions()
        await expect(page.get_by_role("region", name="Microphone")).to_contain_text("Dutch")
        await page.get_by_label("Name of speaker A").fill("Ann")
        await page.get_by_label("Name of speaker A").press("Enter")
        await page.get_by_label("Speaker C is the same as").select_option(label="Ann")
        await expect(who).to_have_text(["Ann", "B", "Ann"])
        live_view = page.get_by_role("region", name="Live")
        await live_view.get_by_role("button", name="Undo").click()
        await expect(who).to_have_text(["Ann", "B", "C"])
        await page.get_by_label("Speaker C is the same as").select_option(label="B")
        await expect(who).to_have_text(["Ann", "B"])
        await page.get_by_role("button", name=STOP).click()
        await expect(page.get_by_role("button", name=START)).to_be_enabled()
        assert await downloaded(page, "txt") == "Ann: Is it late?\nB: Not yet. Good.\n"
        assert "<v Ann>Is it late?" in await downloaded(page, "vtt")


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
        await page.get_by_role("button", name="Try again").click()
        await expect(problem).to_contain_text("The server cannot be reached")
        await page.get_by_role("link", name="Server", exact=True).click()
        await expect(page.get_by_role("region", name="Recent errors")).to_contain_text(
            "The server cannot be reached"
        )


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
