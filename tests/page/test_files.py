"""Recordings on the page: how they come in, what is shown while they are read, and what is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import expect

from auricle.errors import EngineFailed, Overloaded
from auricle.types import Language, Speaker
from tests.audio_files import JFK_WORDS, words
from tests.page.conftest import JFK, Opened
from tests.page.seen import (
    cues,
    downloaded,
    give,
    likeness,
    parsed_srt,
    recording,
    row,
    timed,
    transcript,
    until_done,
)
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024

BROKEN = re.compile("The connection broke|The server gave up half-way")


async def test_a_recording_becomes_text_to_read_along(real: Served, opened: Opened) -> None:
    async with opened(real.url) as page:
        await give(page, JFK)
        await until_done(page, "jfk.wav")
        assert words(" ".join(await cues(page))) == JFK_WORDS
        header = page.locator(".job-view header")
        await expect(header).to_contain_text("0:11 · English · 353 kB")  # nothing was detected
        word = transcript(page).locator(".word").filter(has_text="Americans")
        await word.click()
        await expect(word).to_have_class("word now")
        start = float(await word.get_attribute("data-start") or "nan")
        assert 1.0 < start < 2.5
        position = page.get_by_label("Position")
        assert abs(float(await position.input_value()) - start) <= 0.1
        await page.locator("body").press("ArrowRight")
        await expect(transcript(page).locator(".word.now")).to_have_text("ask")
        await page.get_by_role("button", name="Play", exact=True).click()
        await expect(page.get_by_role("button", name="Pause")).to_be_visible()
        await page.get_by_role("button", name="Pause").click()
        await page.get_by_role("button", name="Edit").click()
        await page.get_by_role("button", name="Play the cue at 0:00").click()
        await expect(page.locator(".editing .cue").first).to_have_class("cue now")


async def test_a_model_is_not_asked_for_what_it_cannot_do(real: Served, opened: Opened) -> None:
    """A language it does not know was asked for without being shown."""
    async with opened(real.url) as page:
        model, language = page.get_by_label("Model"), page.get_by_label("Language")
        translate = page.get_by_role("switch", name="Translate to English")
        await expect(translate).to_be_disabled()
        await model.select_option(label="base (not loaded)")
        await language.select_option(label="German")
        await translate.check()
        await model.select_option(label="tiny.en (default)")
        await expect(language).to_have_value("")
        await expect(language.locator("option")).to_have_text(["English"])  # nothing to detect
        await expect(translate).not_to_be_checked()


async def test_the_sample_needs_no_file(real: Served, opened: Opened) -> None:
    async with opened(real.url) as page:
        await page.get_by_role("button", name="Sample").click()
        await until_done(page, "Kennedy")
        assert words(" ".join(await cues(page))).endswith("what you can do for your country")


async def test_a_microphone_becomes_a_recording(real: Served, opened: Opened) -> None:
    async with opened(real.url) as page:
        await page.get_by_role("button", name="Record", exact=True).click()
        await expect(page.get_by_role("button", name="Stop")).to_contain_text("0:12")
        await page.get_by_role("button", name="Stop").click()
        await until_done(page, "Recording")
        assert likeness(" ".join(await cues(page)), JFK_WORDS) > 0.5


async def test_text_appears_while_it_is_read(scripted: Served, opened: Opened) -> None:
    more = asyncio.Event()
    runtime = scripted.runtime
    runtime.steps = (timed("Hello there.", 0), more, timed("And you.", 1.5, probability=0.3))
    async with opened(scripted.url) as page:
        await give(page, recording("a.wav"))
        await expect(transcript(page)).to_have_text("0:00Hello there.")
        await expect(row(page, "a.wav")).to_contain_text("Read up to 0:01")
        more.set()
        await until_done(page, "a.wav")
        assert await cues(page) == ["Hello there.", "And you."]
        assert await transcript(page).locator(".unsure").all_inner_texts() == ["And", "you."]


async def test_an_upload_shows_how_far_it_is(scripted: Served, opened: Opened) -> None:
    scripted.runtime.steps = (timed("Hello there.", 0),)
    async with opened(scripted.url) as page:
        network = await page.context.new_cdp_session(page)
        limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
        slow = {**limits, "uploadThroughput": 20_000}
        await network.send("Network.emulateNetworkConditions", slow)
        await give(page, recording("a.wav", 800_000))
        await expect(row(page, "a.wav")).to_contain_text(re.compile(r"Uploading, [1-9]\d? %"))
        share = await page.get_by_label("Upload of a.wav").get_attribute("value")
        assert 0 < float(share or 0) < 1
        await network.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": -1})
        await until_done(page, "a.wav")


async def test_the_dialect_of_the_server_does_not_matter(opened: Opened) -> None:
    runtime = FakeRuntime(settings(dialect="whisperkit"))
    runtime.steps = (timed("Hello there.", 0), timed("And you.", 1.5))
    async with serving(runtime) as served, opened(served.url) as page:
        await runtime.started.wait()
        await give(page, recording("a.wav"))
        await until_done(page, "a.wav")
        assert await cues(page) == ["Hello there.", "And you."]
        await page.get_by_role("link", name="Server", exact=True).click()
        await expect(page.get_by_role("heading", name="base")).to_be_visible()
        assert "undefined" not in await page.locator("body").inner_text()


async def test_what_is_chosen_is_asked_for(scripted: Served, opened: Opened) -> None:
    async with opened(scripted.url) as page:
        await page.get_by_label("Model").select_option(label="small (not loaded)")
        await page.get_by_label("Language").select_option(label="German")
        await page.get_by_role("switch", name="Translate to English").check()
        await page.get_by_text("Names and style").click()
        await page.get_by_label("Names and terms").fill("Auricle, Ann Smith")
        await page.get_by_label("Text the recording might follow").fill("A talk.")
        await give(page, recording("a.wav"))
        await until_done(page, "a.wav")
        [(_, asked)] = scripted.runtime.asked
        assert scripted.runtime.models == ["small"]
        assert (asked.task, asked.language) == ("translate", "de")
        assert (asked.prompt, asked.keywords) == ("A talk.", ("Auricle", "Ann Smith"))
        assert asked.words


async def test_edits_are_taken_home_and_taken_back(scripted: Served, opened: Opened) -> None:
    scripted.runtime.steps = (timed("Hello their.", 0), timed("And you.", 1.5))
    scripted.runtime.language = Language("en", 0.9)
    async with opened(scripted.url) as page:
        await give(page, recording("talk.wav"))
        await until_done(page, "talk.wav")
        before = [("00:00:00,000 --> 00:00:01,000", "Hello their.")]
        rest = [("00:00:01,500 --> 00:00:02,500", "And you.")]
        assert parsed_srt(await downloaded(page, "srt")) == before + rest

        await page.get_by_role("button", name="Edit").click()
        await page.get_by_label("Text of the cue at 0:00").fill("Hello <b>there</b> & here.")
        await page.get_by_label("End of the cue at 0:00").fill("0:01.4")
        await page.get_by_role("button", name="Edit").click()
        text = "Hello <b>there</b> & here."
        changed = [("00:00:00,000 --> 00:00:01,400", text)]
        assert parsed_srt(await downloaded(page, "srt")) == changed + rest
        assert await downloaded(page, "txt") == f"{text} And you.\n"
        assert "00:00:00.000 --> 00:00:01.400\nHello &lt;b&gt;there&lt;/b&gt; &amp; here.\n" in (
            await downloaded(page, "vtt")
        )
        kept = json.loads(await downloaded(page, "json"))
        assert kept["language"] == "en"
        assert [each["text"] for each in kept["segments"]] == [text, "And you."]
        assert kept["words"][0] == {"word": "Hello", "start": 0, "end": 0.5, "probability": 0.9}

        await page.locator("body").press("Control+z")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.get_by_role("button", name="Undo")).to_be_disabled()
        assert parsed_srt(await downloaded(page, "srt")) == before + rest
        await page.get_by_role("button", name="Redo").click()
        assert (await cues(page))[0] == text

        await page.get_by_role("button", name="Edit").click()
        for _ in range(2):
            await page.get_by_role("button", name="Delete the cue").first.click()
        await expect(page.get_by_text("All of the text was deleted.")).to_be_visible()
        await page.get_by_role("button", name="Undo").click()
        await expect(page.get_by_label("Text of the cue")).to_have_count(1)


async def test_a_transcript_is_never_html(scripted: Served, opened: Opened) -> None:
    markup = '<img src=x onerror="window.hit=1"> <script>window.hit=1</script> &lt;b&gt; </p>'
    scripted.runtime.steps = (timed(markup, 0),)
    async with opened(scripted.url) as page:
        await give(page, recording("<b>a</b>.wav"))
        await until_done(page, "<b>a</b>.wav")
        assert " ".join(await cues(page)) == markup
        await page.get_by_role("button", name="Edit").click()
        await page.get_by_role("button", name="Code").click()
        assert await page.evaluate("window.hit") is None
        assert await page.locator("main img, main script, main b").count() == 0


async def test_ten_files_at_once(scripted: Served, opened: Opened) -> None:
    scripted.runtime.steps = (timed("Hello there.", 0),)
    names = [f"{number}.wav" for number in range(10)]
    async with opened(scripted.url) as page:
        await give(page, *map(recording, names))
        for name in names:
            await until_done(page, name)
        assert len(scripted.runtime.asked) == 10


async def test_a_recording_can_be_cancelled_and_read_again(
    scripted: Served, opened: Opened
) -> None:
    scripted.runtime.steps = (timed("Hello there.", 0), asyncio.Event())
    async with opened(scripted.url) as page:
        await give(page, recording("a.wav"))
        await expect(transcript(page)).to_contain_text("Hello there.")
        await page.get_by_role("button", name="Cancel a.wav").click()
        await scripted.runtime.cancelled.wait()
        await expect(row(page, "a.wav")).to_contain_text("Cancelled")
        scripted.runtime.steps = (timed("Hello again.", 0),)
        await page.get_by_role("button", name="Read again").click()
        await until_done(page, "a.wav")
        assert await cues(page) == ["Hello again."]
        await page.get_by_role("button", name="Remove a.wav").click()
        await expect(page.get_by_role("heading", name="Drop a recording here")).to_be_visible()


@pytest.mark.parametrize("view", ["files", "live", "server"])
async def test_dropped_and_pasted_files_are_read(
    scripted: Served, opened: Opened, view: str
) -> None:
    """Where nobody took them, the browser left the page for them."""
    async with opened(f"{scripted.url}/#{view}") as page:
        await expect(page.get_by_role("status").first).to_contain_text("Ready")
        for kind, name in (("drop", "dropped.wav"), ("paste", "pasted.wav")):
            await page.evaluate(
                """([kind, name]) => {
                    const data = new DataTransfer();
                    data.items.add(new File(["x"], name));
                    const event = kind === "drop"
                        ? new DragEvent("drop", { dataTransfer: data, cancelable: true })
                        : new ClipboardEvent("paste", { clipboardData: data });
                    window.dispatchEvent(event);
                }""",
                [kind, name],
            )
            await until_done(page, name)


async def test_a_folder_is_dropped_with_all_that_is_in_it(
    scripted: Served, opened: Opened, tmp_path: Path
) -> None:
    """As a person does it, with the mouse: scripts cannot make folders."""
    for name in ("b.wav", "sub/a.wav", ".hidden/c.wav", ".d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"audio")
    async with opened(scripted.url) as page:
        mouse = await page.context.new_cdp_session(page)
        held = {"items": [], "files": [str(tmp_path)], "dragOperationsMask": 1}
        at = {"x": 640, "y": 300, "data": held}
        for kind in ("dragEnter", "dragOver"):
            await mouse.send("Input.dispatchDragEvent", {"type": kind, **at})
        await expect(page.get_by_role("heading", name="Let go")).to_be_visible()
        await mouse.send("Input.dispatchDragEvent", {"type": "drop", **at})
        for name in ("b.wav", "a.wav"):
            await until_done(page, name)
        await expect(page.locator(".jobs .name")).to_have_text(["b.wav", "a.wav"])
        await page.get_by_role("link", name="Live", exact=True).click()
        await mouse.send("Input.dispatchDragEvent", {"type": "dragEnter", **at})
        await mouse.send("Input.dispatchDragEvent", {"type": "dragOver", **at})
        await expect(page.get_by_text("Let go")).to_be_visible()


async def test_the_text_is_copied_with_the_clipboard_or_without(
    scripted: Served, opened: Opened
) -> None:
    """Browsers give pages without https none."""
    permissions = ["clipboard-read", "clipboard-write"]
    async with opened(scripted.url, permissions=permissions) as page:
        await give(page, recording("a.wav"))
        await until_done(page, "a.wav")
        copy = page.get_by_role("button", name="Copy the text")
        await copy.click()
        await expect(copy).to_contain_text("Copied")
        await page.evaluate("window.kept = navigator.clipboard")
        assert await page.evaluate("kept.readText()") == "Hello there.\nAnd you."
        await page.evaluate("kept.writeText(''); delete Navigator.prototype.clipboard")
        await expect(copy).to_contain_text("Copy")
        await copy.click()
        await expect(copy).to_contain_text("Copied")
        assert await page.evaluate("kept.readText()") == "Hello there.\nAnd you."
        await page.evaluate("kept.writeText('')")
        await page.get_by_role("button", name="Code").click()
        await page.get_by_role("button", name="Copy the code").click()
        assert "v1/audio/transcriptions" in await page.evaluate("kept.readText()")


@pytest.mark.parametrize(
    ("error", "title", "detail"),
    [
        (
            Overloaded("Too much waits.", code="rate_limit_exceeded", retry_after_s=7),
            "The server has too much to do",
            "Try again in 7 s.",
        ),
        (EngineFailed("It failed twice."), "The server failed on this recording", "twice"),
    ],
)
async def test_errors_say_what_happened(
    scripted: Served, opened: Opened, error: Exception, title: str, detail: str
) -> None:
    scripted.runtime.refusal = error  # type: ignore[assignment]  # both are AuricleErrors
    async with opened(scripted.url) as page:
        await give(page, recording("a.wav"))
        card = page.get_by_role("alert")
        await expect(card).to_contain_text(title)
        await expect(card).to_contain_text(detail)
        await expect(card).to_contain_text("req_")
        scripted.runtime.refusal = None
        await card.get_by_role("button", name="Try again").click()
        await until_done(page, "a.wav")


async def test_an_error_after_the_first_words_keeps_them(scripted: Served, opened: Opened) -> None:
    scripted.runtime.steps = (timed("Hello there.", 0), EngineFailed("It failed twice."))
    async with opened(scripted.url) as page:
        await give(page, recording("a.wav"))
        await expect(page.get_by_role("alert")).to_contain_text("The server gave up half-way")
        assert await cues(page) == ["Hello there."]


async def test_a_file_that_is_too_large_is_refused(scripted: Served, opened: Opened) -> None:
    async with opened(scripted.url) as page:
        await give(page, recording("large.wav", 2 * MIB))
        problem = page.get_by_role("alert")
        await expect(problem).to_contain_text("too large for this server")
        await expect(problem).to_contain_text("It takes files of up to 1.0 MB.")
        await expect(page.get_by_role("button", name="again")).to_have_count(0)


async def test_a_key_is_asked_for_and_kept_for_the_session_only(opened: Opened) -> None:
    async with (
        serving(FakeRuntime(settings(api_keys=("right-key",)))) as served,
        opened(served.url) as page,
    ):
        dialog = page.get_by_role("dialog", name="This server wants a key")
        await dialog.get_by_role("button", name="Not now").click()
        await give(page, recording("refused.wav"))
        await dialog.get_by_role("button", name="Not now").click()
        await expect(row(page, "refused.wav")).to_contain_text("The server wants a key")
        await page.get_by_role("button", name="Enter key").click()
        await dialog.get_by_label("Key").fill("wrong-key")
        await dialog.get_by_role("button", name="Use this key").click()
        dialog = page.get_by_role("dialog", name="That key is not right")
        await dialog.get_by_label("Key").fill("right-key")
        await dialog.get_by_role("button", name="Use this key").click()
        await expect(dialog).to_be_hidden()
        await until_done(page, "refused.wav")
        await give(page, recording("a.wav"))
        await until_done(page, "a.wav")
        await page.get_by_role("button", name="Code").click()
        code = await page.get_by_role("dialog").locator("code").inner_text()
        assert "$AURICLE_API_KEY" in code
        assert "right-key" not in code
        assert await page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        await page.reload()
        await expect(page.get_by_label("Model")).to_contain_text("base (default)")
        await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_a_server_that_stops_half_way_is_told_and_found_again(opened: Opened) -> None:
    runtime = FakeRuntime(settings())
    runtime.steps = (timed("Hello there.", 0), asyncio.Event())
    first = contextlib.AsyncExitStack()
    served = await first.enter_async_context(serving(runtime))
    async with opened(served.url) as page:
        await give(page, recording("a.wav"))
        await expect(transcript(page)).to_contain_text("Hello there.")
        await first.aclose()
        await expect(page.get_by_role("button", name="Try again")).to_be_visible()
        await expect(row(page, "a.wav")).to_contain_text(BROKEN)
        assert await cues(page) == ["Hello there."]
        banner = page.get_by_text("The server cannot be reached. What is here stays")
        await expect(banner).to_be_visible()
        again = FakeRuntime(settings(port=served.address[1]))
        again.steps = (timed("Hello again.", 0),)
        async with serving(again):
            await expect(banner).to_be_hidden()
            await page.get_by_role("button", name="Try again").click()
            await until_done(page, "a.wav")
            assert await cues(page) == ["Hello again."]


async def test_all_that_failed_are_tried_again_at_once(scripted: Served, opened: Opened) -> None:
    """A server that stopped failed every recording, and each had to be tried again by itself."""
    scripted.runtime.refusal = EngineFailed("It failed twice.")
    async with opened(scripted.url) as page:
        await give(page, recording("a.wav"), recording("b.wav"))
        retry = page.get_by_role("button", name="Try all 2 again")
        await retry.wait_for()
        scripted.runtime.refusal = None
        await retry.click()
        await until_done(page, "a.wav")
        await until_done(page, "b.wav")
        await expect(page.locator(".jobs li")).to_have_count(2)
        await expect(page.get_by_role("button", name="again")).to_have_count(1)  # the one chosen


async def test_speakers_are_told_apart_named_and_merged(scripted: Served, opened: Opened) -> None:
    """The language is told, too: once there was no room for it beside speakers."""
    steps = (timed("Is it late?", 0), timed("Not yet.", 1.5), timed("Good.", 3))
    named = zip(steps, ("A", "B", "C"), strict=True)
    scripted.runtime.steps = tuple(
        msgspec.structs.replace(each, speaker=speaker) for each, speaker in named
    )
    scripted.runtime.speakers = tuple(Speaker(each, False, 1.0, ()) for each in "ABC")
    async with opened(scripted.url) as page:
        await page.get_by_role("switch", name="Tell speakers apart").check()
        await give(page, recording("a.wav"))
        await until_done(page, "a.wav")
        await expect(transcript(page).locator(".who")).to_have_text(["A", "B", "C"])
        await expect(page.locator(".job-view header")).to_contain_text("English, detected")
        await page.get_by_label("Name of speaker A").fill("Ann")
        await page.get_by_label("Name of speaker A").press("Enter")
        await page.get_by_label("Speaker C is the same as").select_option(label="Ann")
        await expect(transcript(page).locator(".who")).to_have_text(["Ann", "B", "Ann"])
        assert await downloaded(page, "txt") == "Ann: Is it late?\nB: Not yet.\nAnn: Good.\n"
        assert "<v Ann>Good." in await downloaded(page, "vtt")
        await page.get_by_role("button", name="Undo").click()
        await expect(transcript(page).locator(".who")).to_have_text(["Ann", "B", "C"])
