"""Captions from a server that speaks OpenAI's Realtime API."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from auricle.cli.listening import remote
from auricle.cli.listening.remote_options import RemoteOptions
from auricle.cli.listening.speech import Caption, FinishedTurn, Note, SpeechEvent
from auricle.errors import AuricleError
from auricle.types import Word

TRANSCRIPTION = "conversation.item.input_audio_transcription"
TONE = np.sin(np.arange(16_000) / 10).astype(np.float32)


class Server:
    """Says what a script does. ``received`` are the client's events, ``headers`` of its request."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self.received: list[dict[str, Any]] = []

    async def next(self, kind: str) -> dict[str, Any]:
        """The client's next event of this kind."""
        async for message in self._socket:
            event: dict[str, Any] = json.loads(message)
            self.received.append(event)
            if event["type"] == kind:
                return event
        raise AssertionError(f"no {kind}")

    async def say(self, kind: str, **more: object) -> None:
        await self._socket.send(json.dumps({"type": kind, "event_id": "e", **more}))

    async def left(self) -> None:
        await self._socket.wait_closed()

    async def configured(self) -> None:
        await self.next("session.update")
        await self.say("session.updated", session={})

    @property
    def audio(self) -> np.ndarray:
        data = b"".join(
            base64.b64decode(event["audio"])
            for event in self.received
            if event["type"] == "input_audio_buffer.append"
        )
        return np.frombuffer(data, "<i2") / np.float32(32767)


@contextlib.asynccontextmanager
async def serving(
    script: Callable[[Server], Awaitable[None]],
) -> AsyncIterator[tuple[str, list[Server]]]:
    """The address of a server that follows the script with each client."""
    servers: list[Server] = []

    async def answer(socket: ServerConnection) -> None:
        server = Server(socket)
        servers.append(server)
        await script(server)

    async with serve(answer, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}", servers


async def heard(url: str, **asked: Any) -> list[SpeechEvent]:
    async with remote.opened(RemoteOptions(url, **asked)) as speech:
        await speech.send(TONE)
        await speech.finish()
        return [each async for each in speech]


async def test_a_session_with_a_server_of_ours():
    async def script(server: Server) -> None:
        await server.say("session.created", session={})
        await server.configured()
        await server.say("input_audio_buffer.speech_started", audio_start_ms=100, item_id="a")
        await server.say(f"{TRANSCRIPTION}.tentative", item_id="a", text="turn on the knight")
        await server.say(f"{TRANSCRIPTION}.delta", item_id="a", delta="turn on")
        await server.say(f"{TRANSCRIPTION}.tentative", item_id="a", text=" the light")
        await server.say("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="a")
        await server.say("input_audio_buffer.committed", item_id="a", previous_item_id=None)
        await server.next("input_audio_buffer.commit")
        error = {"code": "input_audio_buffer_commit_empty", "message": "too small", "param": None}
        await server.say("error", error=error)
        await server.say(f"{TRANSCRIPTION}.delta", item_id="a", delta=" the light")
        await server.say(
            f"{TRANSCRIPTION}.completed",
            item_id="a",
            transcript="turn on the light",
            languages=[{"code": "en"}],
            words=[{"word": "turn", "start": 0.1, "end": 0.3, "probability": 0.9}],
        )

    async with serving(script) as (url, servers):
        assert await heard(url, model="base", language="en", silence_s=0.7) == [
            Caption("", "turn on the knight"),
            Caption("turn on", ""),
            Caption("turn on", " the light"),
            Caption("turn on the light", ""),
            FinishedTurn(0.1, 0.9, "turn on the light", (Word("turn", 0.1, 0.3, 0.9),), "en"),
            Caption("", ""),
        ]
        [server] = servers
    assert server.received[0]["session"] == {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "base", "language": "en"},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
            }
        },
        "include": [
            "item.input_audio_transcription.words",
            "item.input_audio_transcription.tentative",
        ],
    }
    assert len(server.audio) == pytest.approx(24_000, abs=2)
    assert np.abs(server.audio).max() == pytest.approx(1.0, abs=0.1)


async def test_a_server_without_our_extensions_is_asked_again():
    async def script(server: Server) -> None:
        await server.next("session.update")
        error = {"code": "invalid_value", "message": "no", "param": "session.include[0]"}
        await server.say("error", error=error)
        await server.configured()
        await server.next("input_audio_buffer.commit")
        await server.say("input_audio_buffer.committed", item_id="a", previous_item_id=None)
        await server.say(f"{TRANSCRIPTION}.completed", item_id="a", transcript=" hello ")

    async with serving(script) as (url, servers):
        assert await heard(url) == [FinishedTurn(0.0, 1.0, "hello"), Caption("", "")]
    updates = [e["session"] for e in servers[0].received if e["type"] == "session.update"]
    assert ["include" in session for session in updates] == [True, False]


async def test_a_turn_that_the_end_of_the_sound_ends():
    """It began before all of the sound was sent."""

    async def script(server: Server) -> None:
        await server.configured()
        await server.say("input_audio_buffer.speech_started", audio_start_ms=100, item_id="a")
        await server.next("input_audio_buffer.commit")
        await server.say("input_audio_buffer.committed", item_id="a", previous_item_id=None)
        await server.say(f"{TRANSCRIPTION}.completed", item_id="a", transcript="hello")

    async with serving(script) as (url, _), remote.opened(RemoteOptions(url)) as speech:
        events = aiter(speech)
        waiting = asyncio.ensure_future(anext(events))
        await speech.send(TONE)
        await speech.finish()
        assert [await waiting, await anext(events)] == [
            FinishedTurn(0.1, 1.0, "hello"),
            Caption("", ""),
        ]


async def test_who_speaks():
    first = {"word": "Late?", "start": 0.1, "end": 0.3, "probability": 0.9, "speaker": "A"}
    rest = {"word": "No.", "start": 0.4, "end": 0.6, "probability": 0.9, "speaker": "B"}

    async def script(server: Server) -> None:
        await server.configured()
        await server.next("input_audio_buffer.commit")
        await server.say("input_audio_buffer.committed", item_id="a", previous_item_id=None)
        await server.say(f"{TRANSCRIPTION}.delta", item_id="a", delta="Late?", words=[first])
        await server.say(f"{TRANSCRIPTION}.segment", item_id="a", text=" Late?", speaker="A")
        await server.say(f"{TRANSCRIPTION}.delta", item_id="a", delta=" No.", words=[rest])
        await server.say(
            f"{TRANSCRIPTION}.completed",
            item_id="a",
            transcript="Late? No.",
            words=[first, rest],
        )

    said = (Word("Late?", 0.1, 0.3, 0.9, speaker="A"), Word(" No.", 0.4, 0.6, 0.9, speaker="B"))
    async with serving(script) as (url, servers):
        assert await heard(url, diarize=True) == [
            Caption("A: Late?", ""),
            Caption("A: Late? B: No.", ""),
            FinishedTurn(0.0, 1.0, "A: Late? B: No.", said),
            Caption("", ""),
        ]
    assert servers[0].received[0]["session"]["include"] == [
        "item.input_audio_transcription.words",
        "item.input_audio_transcription.tentative",
        "item.input_audio_transcription.segments",
    ]


async def test_a_server_that_cannot_tell_speakers():
    async def script(server: Server) -> None:
        await server.next("session.update")
        error = {"code": "invalid_value", "message": "no", "param": "session.include[0]"}
        await server.say("error", error=error)
        await server.left()

    async with serving(script) as (url, _):
        with pytest.raises(AuricleError, match="the server cannot tell speakers: no"):
            await heard(url, diarize=True)


async def test_a_turn_that_could_not_be_read():
    async def script(server: Server) -> None:
        await server.configured()
        await server.next("input_audio_buffer.commit")
        await server.say("input_audio_buffer.committed", item_id="a", previous_item_id=None)
        await server.say(f"{TRANSCRIPTION}.failed", item_id="a", error={"message": "it failed"})

    async with serving(script) as (url, _):
        assert await heard(url) == [Note("it failed")]


async def test_a_refusal():
    async def script(server: Server) -> None:
        error = {"code": "invalid_model", "message": "no such model", "param": None}
        await server.say("error", error=error)
        await server.left()

    async with serving(script) as (url, _):
        with pytest.raises(AuricleError, match="the server refuses: no such model"):
            await heard(url)


async def test_a_server_that_goes_away():
    async def script(server: Server) -> None:
        await server.next("session.update")

    async with serving(script) as (url, _):
        with pytest.raises(AuricleError, match="the server closed the connection"):
            await heard(url)


async def test_nobody_there():
    with pytest.raises(AuricleError, match=r"cannot connect to ws://127\.0\.0\.1:1/v1/realtime"):
        await heard("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("url", "socket"),
    [
        ("http://h:1", "ws://h:1/v1/realtime?intent=transcription"),
        ("https://h/v1/", "wss://h/v1/realtime?intent=transcription"),
        ("ws://h:1/path", "ws://h:1/path/v1/realtime?intent=transcription"),
    ],
)
def test_addresses(url, socket):
    assert RemoteOptions(url).socket == socket
