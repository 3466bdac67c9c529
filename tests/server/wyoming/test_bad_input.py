"""What no client should send is refused with a reason, and one client harms no other."""

from __future__ import annotations

import asyncio
import json

import pytest

from auricle.errors import BadSetting
from auricle.server.wyoming import connection, listener
from auricle.server.wyoming.wire import MAX_DATA_BYTES, MAX_LINE_BYTES, MAX_PAYLOAD_BYTES
from tests.server.conftest import settings
from tests.server.wyoming.client import FORMAT, TONE, final, says, wyoming


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "This is not an event of the Wyoming protocol: JSON is malf"),
        (b"[1]\n", "This is not an event of the Wyoming protocol: Expected `object`"),
        (b"{}\n", "Object missing required field `type`"),
        (b'{"type": 5}\n', "Expected `str`, got `int` - at `$.type`"),
        (b'{"type": "ping", "data": []}\n', "at `$.data`"),
        (b'{"type": "ping", "data_length": -1}\n', "Expected `int` >= 0 - at `$.data_length`"),
        (b'{"type": "ping", "data_length": 2}\n[]', "Expected `object`, got `array`"),
        (b'{"type": "ping", "data_length": 1}\n\xff', "not an event"),
        (b"[" * 5000 + b"\n", "not an event"),
        (b"x" * MAX_LINE_BYTES * 3, f"longer than {MAX_LINE_BYTES} bytes"),
        (
            json.dumps({"type": "ping", "data_length": MAX_DATA_BYTES + 1}).encode() + b"\n",
            f"'data_length' is {MAX_DATA_BYTES + 1}; at most {MAX_DATA_BYTES} bytes are taken.",
        ),
        (
            json.dumps({"type": "x", "payload_length": MAX_PAYLOAD_BYTES + 1}).encode() + b"\n",
            f"at most {MAX_PAYLOAD_BYTES} bytes are taken.",
        ),
    ],
)
async def test_what_is_no_event(sent, reason):
    async with wyoming() as server, server.client() as client:
        client.writer.write(sent)
        refusal = await client.refusal()
        assert reason in str(refusal["text"])
        assert refusal["code"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("events", "text"),
    [
        (
            [("transcribe", {"name": 5})],
            "transcribe: Expected `str | null`, got `int` - at `$.name`.",
        ),
        ([("transcribe", {"name": "whisper-9"})], "The model `whisper-9` is not here."),
        ([("transcribe", {"transcript_names": "lamp"})], "transcribe: Expected `array | null`"),
        (
            [("transcribe", {"vad_sensitivity": "high"})],
            "transcribe: 'vad_sensitivity' is 'high'; it must be one of aggressive, default, "
            "relaxed.",
        ),
        ([("transcribe", {"language": "klingon"})], "Invalid language 'klingon'."),
        (
            [("audio-start", {"rate": 96_000, "width": 2, "channels": 1})],
            "audio-start: 'rate' is 96000; it must be a whole number from 8000 to 48000.",
        ),
        (
            [("audio-start", {"rate": 16000, "width": 5, "channels": 1})],
            "audio-start: 'width' is 5; it must be a whole number from 1 to 4.",
        ),
        (
            [("audio-start", {"rate": 16000, "width": 2, "channels": True})],
            "audio-start: 'channels' is True;",
        ),
        ([("audio-start", {})], "audio-start: 'rate' is None;"),
        (
            [("audio-start", {**FORMAT}), ("audio-chunk", {**FORMAT, "rate": 8000})],
            "audio-chunk: 8000 Hz, 2 bytes, 1 channels is not the format the command began with, "
            "16000 Hz, 2 bytes, 1 channels.",
        ),
        (
            [("audio-start", {**FORMAT}), ("audio-start", {**FORMAT})],
            "audio-start came before the audio-stop of the command before.",
        ),
        (
            [("audio-start", {**FORMAT}), ("transcribe", {})],
            "transcribe came before the audio-stop of the command before.",
        ),
    ],
)
async def test_what_cannot_be_transcribed(events, text):
    async with wyoming() as server, server.client() as client:
        for kind, data in events:
            client.send(kind, data)
        assert str((await client.refusal())["text"]).startswith(text)


async def test_a_client_that_leaves_in_mid_command_takes_its_stream_along():
    async with wyoming() as server:
        async with server.client() as client:
            client.send("audio-start", {**FORMAT})
            client.send("audio-chunk", {**FORMAT}, TONE)
            await client.ping()
        await server.runtime.lives[0].closed.wait()
        assert "finish" not in server.runtime.lives[0].told
        assert server.runtime.keys == ["address 127.0.0.1"]


async def test_a_cut_off_event_is_the_end():
    async with wyoming() as server, server.client() as client:
        client.writer.write(b'{"type": "ping", "data_length": 20}\n{"te')
        client.writer.write_eof()
        assert await client.event() is None


async def test_more_connections_than_allowed():
    async with wyoming(max_sockets=1) as server, server.client() as first:
        first.send("ping", {"text": "1"})
        assert await first.event() == ("pong", {"text": "1"})
        async with server.client() as second:
            assert "(max_sockets)" in str((await second.refusal())["text"])
        first.send("ping", {"text": "2"})
        assert await first.event() == ("pong", {"text": "2"})


async def test_a_silent_client_is_let_go(monkeypatch):
    async with wyoming(live_idle_s=1) as server:
        object.__setattr__(
            server.runtime.settings, "live_idle_s", 0.01
        )  # as long as tests may wait
        async with server.client() as client:
            assert await client.event() is None


async def test_a_client_that_does_not_read_is_let_go(monkeypatch):
    """It was waited for until it left."""
    monkeypatch.setattr(connection, "WRITE_S", 0.05)
    monkeypatch.setattr(connection, "LINGER_S", 0.05)
    async with wyoming() as server, server.client() as client:
        await client.ping()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        while server.in_flight.n_sockets:
            client.send("ping", {"text": "there? " * 5000})
            await asyncio.sleep(0)


async def test_stopping_lets_idle_clients_go_and_finishes_commands():
    async with wyoming() as server, server.client() as idle, server.client() as busy:
        idle.send("ping", {"text": "1"})
        await idle.event()
        busy.send("audio-start", {**FORMAT})
        busy.send("audio-chunk", {**FORMAT}, TONE)
        await busy.ping()
        server.in_flight.stop()
        assert await idle.event() is None
        server.runtime.lives[0].says = says("finish", final("one"))
        busy.send("audio-stop")
        assert await busy.text() == "one"
        await server.in_flight.idle()
        assert (await busy.events("transcript-stop"))[-1][0] == "transcript-stop"
        assert await busy.event() is None


async def test_a_command_that_is_cut_off_is_told_so():
    async with wyoming() as server, server.client() as client:
        client.send("audio-start", {**FORMAT})
        await client.ping()
        server.in_flight.stop()
        assert server.in_flight.cancel_all() == 1
        assert (await client.refusal())["text"] == "The server is shutting down."


def test_others_than_this_machine_need_leave():
    """The protocol has no keys, so those of the HTTP server would be walked around."""
    reached = settings(host="0.0.0.0", api_keys=("k",), wyoming_port=10300)
    with pytest.raises(BadSetting, match=r"Wyoming has no keys, .*let them with --insecure"):
        listener.sockets(reached)


def test_it_is_off_by_default():
    assert listener.sockets(settings()) == []
