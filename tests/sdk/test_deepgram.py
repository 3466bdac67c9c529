"""Clients of Deepgram's API, unmodified, each through recordings, live streams and turns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.audio_files import JFK_WORDS, SAMPLES, check_live, words
from tests.rules.source import ROOT
from tests.sdk import servers
from tests.sdk.test_matrix import DRIVERS, OLDEST, run
from tests.sdk.test_realtime import AGENTS
from tests.server.conftest import Served

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

NODE = ROOT / "tests" / "sdk" / "node" / "deepgram.mjs"

SDKS: Mapping[str, tuple[Sequence[str | Path], str]] = {
    "python 7": ((AGENTS, DRIVERS / "deepgram_7.py"), "7."),
    "python 4": ((OLDEST, DRIVERS / "deepgram_4.py"), "4."),
    "node 5": (("node", NODE, "5"), "5."),
    "node 4": (("node", NODE, "4"), "4."),
}
"""How each is driven, and how its version begins."""

WITH_TURNS = ("python 7", "node 5")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def real() -> AsyncIterator[Served]:
    async with servers.real() as served:
        yield served


async def asked(
    command: Sequence[str | Path], served: Served, *, flux: bool = False
) -> dict[str, Any]:
    return await run(
        command,
        {
            "url": served.url,
            "key": servers.KEY,
            "audio": str(SAMPLES / "jfk.wav"),
            "flux": flux,
            "last": "your country",
        },
    )


@pytest.mark.parametrize("sdk", SDKS)
async def test_sdks(real: Served, sdk: str) -> None:
    command, version = SDKS[sdk]
    heard = await asked(command, real, flux=sdk in WITH_TURNS)
    assert heard["version"].startswith(version)
    assert words(heard["posted"]) == JFK_WORDS
    live = heard["live"]
    check_live(live["text"])
    assert (live["kinds"], live["last"], live["errors"]) == (
        ["Metadata", "Results", "SpeechStarted", "UtteranceEnd"],
        "Metadata",
        [],
    )
    assert (live.get("code", 1000), live.get("opened", 1)) == (1000, 1)  # it does not reconnect
    if sdk in WITH_TURNS:
        check_live(heard["flux"]["text"])
        assert (heard["flux"]["kinds"], heard["flux"]["errors"]) == (["Connected", "TurnInfo"], [])


@pytest.mark.parametrize("flux", [False, True])
async def test_livekit(real: Served, flux: bool) -> None:
    heard = await asked((AGENTS, DRIVERS / "deepgram_livekit.py"), real, flux=flux)
    check_live(heard["text"])
    assert set(heard["kinds"]) >= {
        "start_of_speech",
        "interim_transcript",
        "final_transcript",
        "end_of_speech",
    }


@pytest.mark.parametrize("flux", [False, True])
async def test_pipecat(real: Served, flux: bool) -> None:
    heard = await asked((AGENTS, DRIVERS / "deepgram_pipecat.py"), real, flux=flux)
    check_live(heard["text"])
    assert set(heard["kinds"]) >= {"InterimTranscriptionFrame", "TranscriptionFrame"}
