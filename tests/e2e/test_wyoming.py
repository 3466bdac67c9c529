"""A spoken command over Wyoming, on real weights."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from auricle.server.transport import listeners
from auricle.server.transport.in_flight import InFlight
from auricle.server.wyoming.listener import WyomingListener
from auricle.types import SAMPLE_RATE
from tests.audio_files import SAMPLES, check_live, read_wav
from tests.e2e.conftest import Real
from tests.server.wyoming.client import FORMAT, Wyoming

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = (read_wav(SAMPLES / "jfk.wav") * 32768).astype("<i2")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wyoming(english: Real) -> AsyncIterator[Wyoming]:
    runtime: Any = english.runtime
    opened = listeners.listeners("127.0.0.1", 0)
    async with WyomingListener(runtime, in_flight := InFlight()).listening(opened):
        yield Wyoming(runtime, in_flight, opened[0].getsockname()[1])


async def test_a_command(wyoming: Wyoming) -> None:
    async with wyoming.client() as client:
        client.command(JFK.tobytes())
        events = await client.events("transcript-stop")
    chunks = "".join(data["text"] for kind, data in events if kind == "transcript-chunk")
    assert events[-2][1] == {"text": chunks, "language": "en"}
    check_live(chunks)


async def test_our_vad_ends_a_command(wyoming: Wyoming) -> None:
    async with wyoming.client() as client:
        client.send("transcribe", {"vad_sensitivity": "default", "language": "en"})
        client.send("audio-start", {**FORMAT})
        for first in range(0, len(JFK), SAMPLE_RATE // 10):
            piece = JFK[first : first + SAMPLE_RATE // 10]
            client.send("audio-chunk", {**FORMAT}, piece.tobytes())
        check_live(str(await client.text()), "and so my fellow americans")
