"""The page as a whole: for every eye, ear and finger, quick, small, and of nowhere else."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.audio_files import JFK_WORDS, words
from tests.page.conftest import JFK, Opened
from tests.page.seen import axe_findings, give, recording, until_done
from tests.rules.source import ROOT
from tests.server.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCES = ROOT / "page"
AXE = SOURCES / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
VIEWS = ("files", "live", "server")

MAX_BYTES = 300_000
MAX_FIRST_PAINT_MS = 500
PAINTS = 40
"""How often it may be tried: others make the machine slow for moments, the page does always. It
takes 60 to 130 ms on two cores."""


async def show_all(page: Page) -> None:
    await give(page, JFK)
    await until_done(page, JFK.name)
    await page.get_by_text("Names and style").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_serious_keeps_anybody_out(real: Served, opened: Opened, scheme: str) -> None:
    axe = AXE.read_text(encoding="utf-8")
    options: dict[str, Any] = {"color_scheme": scheme, "permissions": ["microphone"]}
    options["bypass_csp"] = True  # axe adds styles
    async with opened(real.url, **options) as page:
        found = {"empty": await axe_findings(page, axe)}
        await show_all(page)
        for view in VIEWS:
            await page.goto(f"{real.url}/#{view}")
            found[view] = await axe_findings(page, axe)
        await page.goto(f"{real.url}/#files")
        await page.get_by_role("button", name="Edit").click()
        await page.get_by_role("button", name="Code").click()
        found["editing"] = await axe_findings(page, axe)
        await page.keyboard.press("Escape")
        await give(page, recording("broken.wav"))
        await expect(page.get_by_role("alert")).to_be_visible()
        found["a problem"] = await axe_findings(page, axe)
        await page.get_by_role("link", name="Live", exact=True).click()
        await page.get_by_role("button", name="Start listening").click()
        await expect(page.locator(".tentative")).not_to_have_count(0)
        found["listening"] = await axe_findings(page, axe)
        await page.get_by_role("button", name="Stop listening").click()
        assert found == {view: [] for view in found}


async def test_a_phone_shows_everything_without_scrolling_sideways(
    real: Served, opened: Opened
) -> None:
    async with opened(real.url, **PHONE) as page:
        await show_all(page)
        width = "document.documentElement.scrollWidth"
        for view in reversed(VIEWS):
            await page.goto(f"{real.url}/#{view}")
            assert (view, await page.evaluate(width)) == (view, 390)
        await page.get_by_role("button", name="Edit").click()
        assert await page.evaluate(width) == 390
        buttons = await page.locator("button:visible").all()
        sizes = [await each.bounding_box() for each in buttons]
        assert [box for box in sizes if box and min(box["height"], box["width"]) < 24] == []


async def test_it_is_dark_where_the_system_is(real: Served, opened: Opened) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        async with opened(real.url, color_scheme=scheme) as page:
            colour = await page.evaluate("getComputedStyle(document.body).backgroundColor")
            shades[scheme] = colour
    assert shades == {"light": "rgb(246, 245, 242)", "dark": "rgb(19, 20, 22)"}


async def test_the_keyboard_reaches_everything(real: Served, opened: Opened) -> None:
    async with opened(real.url) as page:
        reached = []
        await expect(page.get_by_label("Model")).to_contain_text("tiny.en")
        for _ in range(10):
            await page.keyboard.press("Tab")
            reached.append(
                await page.evaluate(
                    "(document.activeElement.getAttribute('aria-label')"
                    " ?? document.activeElement.labels?.[0]?.innerText.split('\\n')[0]"
                    " ?? document.activeElement.innerText).trim()"
                )
            )
        assert reached == [
            *("Auricle, to the files", "Files", "Live", "Server"),
            *("Choose files", "Record", "Try a sample", "More models", "Model", "Language"),
        ]


async def first_paint_ms(page: Page) -> float:
    """Of the page opened anew."""
    await page.reload()
    await expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    found: float = await page.evaluate(script)
    return found


async def test_it_is_small_and_quick(real: Served, opened: Opened) -> None:
    async with opened(real.url) as page:
        n_bytes = 0
        for name in ("", "page/app.js", "page/app.css", "page/icon.svg"):
            answer = await page.request.get(f"{real.url}/{name}", headers={"accept": "text/html"})
            n_bytes += len(await answer.body())
        assert n_bytes < MAX_BYTES
        paints = [await first_paint_ms(page)]
        while paints[-1] >= MAX_FIRST_PAINT_MS and len(paints) < PAINTS:
            paints.append(await first_paint_ms(page))
        assert min(paints) < MAX_FIRST_PAINT_MS, paints


async def test_only_browsers_get_it_and_nothing_in_it_may_be_inline(
    real: Served, opened: Opened
) -> None:
    async with opened(real.url) as page:
        plain = await page.request.get(real.url, headers={"accept": "application/json, */*"})
        assert (await plain.json())["service"] == "auricle"
        shown = await page.request.get(real.url, headers={"accept": "text/html,*/*"})
        policy = shown.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'; script-src 'self';" in policy
        again = await page.request.get(real.url, headers={"accept": "text/html,*/*"})
        assert again.headers["content-security-policy"] != policy


COMMANDS = {"curl": ("bash", "sh"), "Python": (sys.executable, "py"), "JavaScript": ("node", "mjs")}


@pytest.mark.parametrize("language", COMMANDS)
async def test_the_code_sends_the_same_request(
    real: Served, opened: Opened, tmp_path: Path, language: str
) -> None:
    name = """it's "a" $HOME.wav"""
    (tmp_path / name).write_bytes(JFK.read_bytes())
    async with opened(real.url) as page:
        await page.get_by_text("Names and style").click()
        await page.get_by_label("Names and terms").fill("it's, $HOME")
        await give(page, tmp_path / name)
        await until_done(page, "HOME.wav")
        await page.get_by_role("button", name="Code").click()
        dialog = page.get_by_role("dialog", name="The same request in code")
        await dialog.get_by_role("button", name=language, exact=True).click()
        code = await dialog.locator("code").inner_text()
    program, suffix = COMMANDS[language]
    (tmp_path / f"ask.{suffix}").write_text(code, encoding="utf-8")
    ran = await asyncio.create_subprocess_exec(
        program, f"ask.{suffix}", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said, complaint = await ran.communicate()
    assert ran.returncode == 0, complaint.decode()
    events = [
        json.loads(line[6:]) for line in said.decode().splitlines() if line.startswith("data: {")
    ]
    assert words(events[-1]["text"]) == JFK_WORDS
    assert len(events[-1]["words"]) == 22


async def run(*command: str) -> tuple[int | None, str]:
    ran = await asyncio.create_subprocess_exec(
        *command, cwd=SOURCES, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await ran.communicate()
    return ran.returncode, said.decode()


@pytest.mark.parametrize(
    "command",
    [
        ("node", "build.mjs", "--check"),
        ("npm", "run", "format:check"),
        ("npm", "run", "types"),
        ("npm", "test"),
    ],
    ids=" ".join,
)
async def test_the_sources_hold(command: tuple[str, ...]) -> None:
    """The built files are theirs, they are formatted and typed, and their own tests pass."""
    code, said = await run(*command)
    assert code == 0, said
