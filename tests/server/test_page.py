"""Browsers get the page at ``/``, everybody else what they got before. How it looks and what it
does is tried in ``tests/page``."""

from __future__ import annotations

import re

import pytest

from auricle.server.page import ASSETS
from tests.rules.source import PACKAGE
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def test_a_browser_gets_the_page(served: Served) -> None:
    async with served.http() as http:
        answer = await http.get("/", headers=BROWSER)
        assert (answer.status_code, answer.headers["vary"]) == (200, "Accept")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        [nonce] = re.findall(r'nonce="([\w-]{22})"', answer.text)
        assert f"style-src 'self' 'nonce-{nonce}'" in answer.headers["content-security-policy"]
        assert "<script>" not in answer.text
        assert "style=" not in answer.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_others_get_json(served: Served, accept: str) -> None:
    async with served.http() as http:
        answer = await http.get("/", headers={"accept": accept})
        assert answer.json()["service"] == "auricle"
        assert (answer.headers["content-type"], answer.headers["vary"]) == (
            "application/json",
            "Accept",
        )


async def test_the_page_needs_no_key_and_what_it_asks_does() -> None:
    async with (
        serving(FakeRuntime(settings(api_keys=("key",), dialect="whisperkit"))) as served,
        served.http() as http,
    ):
        for path in ("/", *(f"/page/{name}" for name in ASSETS)):
            assert (path, (await http.get(path, headers=BROWSER)).status_code) == (path, 200)
        assert (await http.get("/")).status_code == 401
        assert (await http.get("/v1/models", headers=BROWSER)).status_code == 401


async def test_its_files_are_those_that_are_built(served: Served) -> None:
    built = {path.name for path in (PACKAGE / "server" / "page" / "built").iterdir()}
    assert built == {*ASSETS, "index.html"}
    async with served.http() as http:
        answer = await http.get("/page/app.js")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        for name in ("index.html", "nothing.js", "..%2F__init__.py"):
            assert (await http.get(f"/page/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("bytes=0-3", 206), ("bytes=9-1", 200), ("lines=1-2", 200), ("x", 200), ("bytes=-1", 206)],
)
async def test_a_range_that_is_none_is_passed_over(
    served: Served, wanted: str, status: int
) -> None:
    """It was answered 400, with a line of plain text."""
    async with served.http() as http:
        answer = await http.get(f"/page/{min(ASSETS)}", headers={"range": wanted})
    assert answer.status_code == status
