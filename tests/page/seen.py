"""What the tests do on the page and see of it, in its users' words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from playwright.async_api import FilePayload, Locator, Page, expect

from auricle.types import Segment, Word
from tests.audio_files import words
from tests.server.fakes import said


def timed(text: str, start_s: float, probability: float = 0.9) -> Segment:
    """A segment that says a word every half second."""
    words = tuple(
        Word(f" {word}", start_s + i / 2, start_s + (i + 1) / 2, probability)
        for i, word in enumerate(text.split())
    )
    spoken = said(f" {text}", start_s, words[-1].end_s)
    return msgspec.structs.replace(spoken, words=words, language="en")


async def give(page: Page, *files: Path | FilePayload) -> None:
    """Choose files as the button does."""
    given = [_payload(each) if isinstance(each, Path) else each for each in files]
    await page.get_by_label("Files to read").set_input_files(given)


def _payload(path: Path) -> FilePayload:
    return FilePayload(name=path.name, mimeType="audio/wav", buffer=path.read_bytes())


def recording(name: str, n_bytes: int = 1000) -> FilePayload:
    return FilePayload(name=name, mimeType="audio/wav", buffer=b"\0" * n_bytes)


def row(page: Page, name: str) -> Locator:
    """The recording's line in the list."""
    return page.get_by_role("list", name="Recordings").get_by_role("listitem").filter(has_text=name)


async def until_done(page: Page, name: str) -> None:
    await expect(row(page, name)).to_contain_text("Done")


def likeness(text: str, wanted: str) -> float:
    """Which part of the wanted words is in a text: browsers compress what they record, and leave
    out what a busy machine did not give them in time."""
    found = set(words(text).split())
    return len(found & set(wanted.split())) / len(set(wanted.split()))


def transcript(page: Page) -> Locator:
    return page.get_by_role("list", name="Transcript")


async def cues(page: Page) -> list[str]:
    return await transcript(page).locator("p").all_inner_texts()


async def downloaded(page: Page, file_format: str) -> str:
    async with page.expect_download() as download:
        await page.get_by_role("button", name=f"Download {file_format}").click()
    path = await (await download.value).path()
    return path.read_text(encoding="utf-8")


def parsed_srt(text: str) -> list[tuple[str, str]]:
    """The time line and the text of each cue."""
    blocks: Sequence[str] = text.strip().split("\n\n")
    found = []
    for number, block in enumerate(blocks, 1):
        first, times, *lines = block.split("\n")
        assert first == str(number)
        found.append((times, " ".join(lines)))
    return found


async def axe_findings(page: Page, axe: str) -> list[str]:
    """What axe-core finds serious or critical: which rule, and where."""
    found = await page.evaluate(f"{axe}; axe.run()")
    serious: list[dict[str, Any]] = [
        each for each in found["violations"] if each["impact"] in ("serious", "critical")
    ]
    return [
        json.dumps([each["id"], [node["target"] for node in each["nodes"]]]) for each in serious
    ]
