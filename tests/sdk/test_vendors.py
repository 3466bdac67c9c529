"""Clients of other vendors and frameworks get the text, unmodified, by changing the address."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.rules.source import ROOT
from tests.sdk import servers
from tests.sdk.test_matrix import DRIVERS, OLDEST, run
from tests.server.conftest import Served

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

VENDORS = ROOT / ".sdk" / "vendors" / OLDEST.parent.name / "python"
NODE = ROOT / "tests" / "sdk" / "node" / "vendors.mjs"

N_WORDS = len(JFK_WORDS.split())

PYTHON: dict[str, dict[str, Any]] = {
    "groq": {"words": N_WORDS, "segments": 2},
    "azure": {},
    "litellm": {},
    "langchain": {},
    "speech_recognition": {},
    "together": {},
}
NODE_CLIENTS: dict[str, dict[str, Any]] = {
    "ai": {"words": N_WORDS},
    "azure": {},
    "ai-groq": {},
    "groq": {},
}
"""By client, what it finds besides texts."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served() -> AsyncIterator[Served]:
    async with servers.real() as given:
        yield given


async def _check(command: tuple[str | Path, ...], served: Served, counts: dict[str, Any]) -> None:
    found = await run(
        command,
        {
            "url": served.url,
            "key": servers.KEY,
            "path": str(SAMPLES / "jfk.wav"),
            "model": "whisper-1",
        },
    )
    texts = {name: words(value) for name, value in found.items() if name not in counts}
    assert texts == dict.fromkeys(texts, JFK_WORDS)
    assert {name: found[name] for name in counts} == counts


@pytest.mark.parametrize("client", PYTHON)
async def test_python(served: Served, client: str) -> None:
    if client == "langchain" and shutil.which("ffmpeg") is None:
        pytest.skip("langchain's parser makes mp3 with the program ffmpeg")
    await _check((VENDORS, "-W", "ignore", DRIVERS / f"vendor_{client}.py"), served, PYTHON[client])


@pytest.mark.parametrize("client", NODE_CLIENTS)
async def test_node(served: Served, client: str) -> None:
    await _check(("node", NODE, client), served, NODE_CLIENTS[client])
