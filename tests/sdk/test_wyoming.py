"""The `wyoming` package's own client, as Home Assistant uses it, on real weights."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, VadSensitivity
from wyoming.audio import wav_to_chunks
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

from auricle.server.transport import listeners
from auricle.server.transport.in_flight import InFlight
from auricle.server.wyoming.listener import WyomingListener
from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.sdk import servers

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port() -> AsyncIterator[int]:
    async with servers.real() as served:
        opened = listeners.listeners("127.0.0.1", 0)
        async with WyomingListener(served.runtime, InFlight()).listening(opened):
            yield opened[0].getsockname()[1]


async def command(client: AsyncTcpClient) -> None:
    with wave.open(str(SAMPLES / "jfk.wav")) as spoken:
        for event in wav_to_chunks(spoken, 1024, start_event=True, stop_event=True):
            await client.write_event(event.event())


async def up_to_transcript(client: AsyncTcpClient) -> tuple[list[Event], Transcript]:
    events: list[Event] = []
    while (event := await client.read_event()) is not None:
        if Transcript.is_type(event.type):
            return events, Transcript.from_event(event)
        events.append(event)
    raise AssertionError(f"no transcript: {events}")


async def test_it_is_described(port: int) -> None:
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        (program,) = Info.from_event(event).asr
        await client.write_event(Ping(text="x").event())
        event = await client.read_event()
        assert event is not None
        assert Pong.from_event(event) == Pong(text="x")
    assert program.supports_transcript_streaming
    assert program.requires_external_vad
    assert {"tiny.en", "base"} <= {model.name for model in program.models}
    assert program.models[0].languages == ["en"]


@pytest.mark.parametrize("name", [None, "base"])
async def test_a_command(port: int, name: str | None) -> None:
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Transcribe(name=name, language="en").event())
        await command(client)
        events, transcript = await up_to_transcript(client)
    chunks = [TranscriptChunk.from_event(e) for e in events if TranscriptChunk.is_type(e.type)]
    assert "".join(chunk.text for chunk in chunks) == transcript.text
    assert words(transcript.text) == JFK_WORDS
    assert transcript.language == "en"


async def test_the_server_ends_it(port: int) -> None:
    async with AsyncTcpClient("127.0.0.1", port) as client:
        asked = Transcribe(language="en", vad_sensitivity=VadSensitivity.DEFAULT)
        await client.write_event(asked.event())
        await command(client)
        _, transcript = await up_to_transcript(client)
    assert words(transcript.text) == "and so my fellow americans"


async def test_a_refusal(port: int) -> None:
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Transcribe(name="whisper-9").event())
        event = await client.read_event()
        assert event is not None
        assert Error.is_type(event.type)
        assert Error.from_event(event).code == "model_not_found"
        assert await client.read_event() is None
