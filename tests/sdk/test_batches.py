"""Files and batches by OpenAI's own packages, unmodified, against a real model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.rules.source import ROOT
from tests.sdk import servers
from tests.sdk.test_matrix import DRIVERS, run

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

NODE = ROOT / "tests" / "sdk" / "node" / "batches.mjs"
CLIENTS: dict[str, Sequence[str | Path]] = {
    "openai 3": (sys.executable, DRIVERS / "batches.py"),
    "openai-node 6": ("node", NODE, "6"),
    "openai-node 7": ("node", NODE, "7"),
}


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_batch_from_its_files_to_its_texts(client: str, tmp_path: Path) -> None:
    path = SAMPLES / "jfk.wav"
    given = {"data_dir": tmp_path, "max_jobs": 100, "min_free_disk_mb": 0}
    async with servers.real(**given) as served:
        asked = {"url": served.url, "key": servers.KEY, "path": str(path), "model": "whisper-1"}
        found = await run(CLIENTS[client], asked)
    texts = {name: words(found.pop(name)) for name in ("by file", "inline")}
    assert texts == dict.fromkeys(texts, JFK_WORDS)
    assert found == {
        "status": "completed",
        "counts": {"total": 3, "completed": 2, "failed": 1},
        "metadata": {"night": "monday"},
        "wrong": [["wrong", 404]],
        "listed": [True],
        "purposes": ["batch", "batch_output", "batch_output", "user_data"],
    }
