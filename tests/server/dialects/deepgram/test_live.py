"""Live streams by ``/v1/listen``, as Deepgram's clients hold them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from auricle.errors import EngineFailed, Overloaded
from auricle.live.effects import (
    Effect,
    Final,
    LiveWord,
    SpeechPaused,
    TurnEnded,
    TurnFailed,
    TurnStarted,
    Update,
)
from auricle.server.transport import socket
from auricle.types import Language, SpeakerOptions
from tests.server.dialects.deepgram.sockets import (
    RAW,
    Listening,
    closed,
    listening,
    refusal,
    rest,
    samples,
)
from tests.server.fakes import FakeLive, Told
from tests.waiting import advance, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELLO = (LiveWord(" Hello", 0.5, 1.0, 0.9), LiveWord(" there.", 1.0, 1.5, 0.8))

KEEP_ALIVE = '{"type":"KeepAlive"}'
FINALIZE = '{"type":"Finalize"}'
CLOSE = '{ "type": "CloseStream" }'


def open_turn(live: FakeLive, n: int = 1) -> Sequence[Effect]:
    """A turn in which somebody has said hello, and goes on."""
    return (TurnStarted(n, 0.25), Update(n, (), HELLO))


def ended(n: int, end_s: float) -> tuple[Effect, ...]:
    return (TurnEnded(n, 0.25, end_s), Final(n, 0.25, end_s, HELLO, Language("en")))


def speaks(live: FakeLive, told: Told) -> Sequence[Effect | Exception]:
    """Somebody says hello with the first audio, and is done when the stream or the turn is."""
    if told == "send" and live.told.count("send") == 1:
        return open_turn(live)
    is_first = not {"commit", "finish"} & set(live.told[:-1])
    if told in ("commit", "finish") and "send" in live.told and is_first:
        return ended(1, live.now_s)
    return ()


@pytest.fixture(autouse=True)
def _speaking(live: Listening) -> None:
    live.runtime.live_says = speaks


def texts(messages: Sequence[dict[str, Any]]) -> list[str]:
    """Results as lines, others by their type."""
    lines = []
    for each in messages:
        if each["type"] != "Results":
            lines.append(each["type"])
            continue
        kind = "final" if each["is_final"] else "interim"
        kind += " end" if each["speech_final"] else ""
        kind += " finalize" if each["from_finalize"] else ""
        text = each["channel"]["alternatives"][0]["transcript"]
        lines.append(f"{kind}: {text}".rstrip())
    return lines


# A whole stream


async def test_a_stream_from_its_first_message_to_its_last(live: Listening) -> None:
    audio = samples(2.0)
    async with live.open(f"{RAW}&interim_results=true&punctuate=true&extra=a:b") as client:
        assert client.response is not None
        name = client.response.headers["dg-request-id"]
        await client.send(audio)
        await client.send(CLOSE)
        messages = await rest(client)
    assert texts(messages) == ["interim: Hello there.", "final end: Hello there.", "Metadata"]
    assert closed(client) == (1000, "")
    metadata = messages[-1]
    model = client.response.headers["dg-model-uuid"]
    created = metadata.pop("created")
    assert created.endswith("Z")
    assert metadata == {
        "type": "Metadata",
        "transaction_key": "deprecated",
        "request_id": str(uuid.UUID(name)),
        "sha256": hashlib.sha256(audio).hexdigest(),
        "duration": 2.0,
        "channels": 1,
        "models": [model],
        "model_info": {model: {"name": "base", "version": "0.1.0", "arch": "whisper"}},
    }
    assert messages[0]["metadata"] == {
        "request_id": name,
        "model_info": {"name": "base", "version": "0.1.0", "arch": "whisper"},
        "model_uuid": model,
        "extra": {"a": "b"},
    }
    assert (messages[1]["start"], messages[1]["duration"]) == (0.0, 2.0)
    stream = live.runtime.lives[0]
    np.testing.assert_allclose(stream.pcm, np.full(32_000, 1000 / 32768), rtol=1e-6)
    await stream.closed.wait()


async def test_speakers_are_numbers(live: Listening) -> None:
    spoken = tuple(
        msgspec.structs.replace(word, speaker=name)
        for word, name in zip(HELLO, ("B", "A"), strict=True)
    )

    def speak(stream: FakeLive, told: Told) -> Sequence[Effect]:
        return (Final(1, 0.25, 1.5, spoken, Language("en")),) if told == "finish" else ()

    live.runtime.live_says = speak
    async with live.open(f"{RAW}&diarize=true") as client:
        await client.send(samples(2.0))
        await client.send(CLOSE)
        messages = await rest(client)
    words = messages[0]["channel"]["alternatives"][0]["words"]
    assert [(word["word"], word["speaker"]) for word in words] == [("hello", 1), ("there", 0)]
    assert live.runtime.lives[0].options.speakers == SpeakerOptions()


async def test_nothing_is_said_before_there_is_audio(live: Listening) -> None:
    async with live.open(f"{RAW}&vad_events=true") as client:
        await client.send(KEEP_ALIVE)
        await client.send(CLOSE)
        messages = await rest(client)
    assert texts(messages) == ["Metadata"]
    assert (messages[0]["duration"], messages[0]["channels"]) == (0.0, 0)
    assert "models" not in messages[0]
    assert "model_info" not in messages[0]
    assert messages[0]["sha256"] == hashlib.sha256().hexdigest()
    assert closed(client) == (1000, "")


async def test_an_empty_binary_message_ends_a_stream_too(live: Listening) -> None:
    async with live.open() as client:
        await client.send(samples(1.0))
        await client.send(b"")
        assert texts(await rest(client)) == ["final end: hello there", "Metadata"]
    assert closed(client) == (1000, "")


async def test_what_comes_after_the_end_is_not_looked_at(live: Listening) -> None:
    async with live.open() as client:
        for message in (samples(1.0), CLOSE, CLOSE, samples(1.0), "junk"):
            await client.send(message)
        assert texts(await rest(client)) == ["final end: hello there", "Metadata"]
    assert live.runtime.lives[0].now_s == 1.0


async def test_speech_is_told_when_it_begins_and_when_an_utterance_ends(live: Listening) -> None:
    def says(stream: FakeLive, told: Told) -> Sequence[Effect]:
        if told == "send" and len(stream.told) == 1:
            return (*open_turn(stream), SpeechPaused(1, 1.5), *ended(1, 2.0))
        return ()

    live.runtime.live_says = says
    query = f"{RAW}&vad_events=true&utterance_end_ms=1000&interim_results=true"
    async with live.open(query) as client:
        await client.send(samples(2.0))
        said = [json.loads(await client.recv()) for _ in range(3)]
        await client.send(samples(0.75))
        said.append(json.loads(await client.recv()))
    assert texts(said) == [
        "SpeechStarted",
        "interim: hello there",
        "final end: hello there",
        "UtteranceEnd",
    ]
    assert (said[0], said[3]) == (
        {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.25},
        {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 1.5},
    )


# Audio


@pytest.mark.parametrize("size", [1, 3, 641, 64_000])
async def test_pieces_may_be_cut_anywhere(live: Listening, size: int) -> None:
    audio = np.arange(1600, dtype="<i2").tobytes()
    async with live.open() as client:
        for start in range(0, len(audio), size):
            await client.send(audio[start : start + size])
        await client.send(CLOSE)
        await rest(client)
    np.testing.assert_array_equal(
        live.runtime.lives[0].pcm, np.arange(1600, dtype=np.float32) / 32768
    )


async def test_half_a_sample_at_the_end_is_none(live: Listening) -> None:
    async with live.open() as client:
        await client.send(samples(1.0) + b"\1")
        await client.send(CLOSE)
        assert texts(await rest(client))[-1] == "Metadata"
    assert live.runtime.lives[0].now_s == 1.0


async def test_a_large_message_is_taken_in_pieces(live: Listening) -> None:
    async with live.open() as client:
        await client.send(samples(100.0))
        await client.send(CLOSE)
        await rest(client)
    stream = live.runtime.lives[0]
    assert stream.now_s == 100.0
    assert stream.told.count("send") > 90


@pytest.mark.parametrize(
    ("query", "audio", "expected"),
    [
        ("encoding=linear32&sample_rate=16000", np.full(8, 0.5, "<f4").tobytes(), [0.5] * 8),
        ("encoding=mulaw&sample_rate=16000", b"\xff\x80", [0.0, 32124 / 32768]),
        ("encoding=alaw&sample_rate=16000", b"\xd5", [8 / 32768]),
        (
            f"{RAW}&channels=2",
            np.array([[1000, 3000], [0, 100]], "<i2").tobytes(),
            [2000 / 32768, 50 / 32768],
        ),
        (
            RAW,
            b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + b"x" * 16 + b"data\xff\xff\xff\xff\0\x10",
            [0.125],
        ),
    ],
)
async def test_how_audio_may_be_written(
    live: Listening, query: str, audio: bytes, expected: list[float]
) -> None:
    async with live.open(query) as client:
        await client.send(audio)
        await client.send(CLOSE)
        await rest(client)
    np.testing.assert_allclose(live.runtime.lives[0].pcm, expected, rtol=1e-6)


async def test_rates_are_converted(live: Listening) -> None:
    async with live.open("encoding=linear16&sample_rate=8000") as client:
        await client.send(samples(0.5))
        await client.send(CLOSE)
        await rest(client)
    assert live.runtime.lives[0].now_s == 1.0


async def test_each_channel_is_a_stream_of_its_own(live: Listening) -> None:
    audio = np.tile(np.array([100, 200], "<i2"), 16_000).tobytes()
    async with live.open(f"{RAW}&channels=2&multichannel=true") as client:
        await client.send(audio)
        await client.send('{"type":"Finalize","channel":1}')
        first = json.loads(await client.recv())
        await client.send(CLOSE)
        messages = [first, *await rest(client)]
    assert (texts(messages[:1]), first["channel_index"]) == (
        ["final finalize: hello there"],
        [1, 2],
    )
    assert [each["channel_index"] for each in messages[1:-1]] == [[0, 2]]
    assert (messages[-1]["type"], messages[-1]["channels"]) == ("Metadata", 2)
    assert [float(each.pcm[0]) for each in live.runtime.lives] == [100 / 32768, 200 / 32768]


# What the client says


async def test_finalize_is_answered_every_time_and_the_stream_goes_on(live: Listening) -> None:
    def says(stream: FakeLive, told: Told) -> Sequence[Effect]:
        n = stream.told.count("commit")
        if told == "commit" and n > 1:
            return (TurnEnded(n, 1.0, 1.0), Final(n, 1.0, 1.0, (), None))
        return () if told == "finish" else speaks(stream, told)  # type: ignore[return-value]

    live.runtime.live_says = says
    async with live.open() as client:
        await client.send(samples(1.0))
        for message in (FINALIZE, FINALIZE, CLOSE):
            await client.send(message)
        messages = await rest(client)
    assert texts(messages) == ["final finalize: hello there", "final finalize:", "Metadata"]


@pytest.mark.parametrize(
    "text",
    [
        "junk",
        "{",
        "[]",
        "null",
        '{"type":"Dance"}',
        '{"kind":"KeepAlive"}',
        '{"type":"Finalize","channel":"x"}',
        '{"type":"Finalize","channel":3}',
        "[" * 5000,
    ],
)
async def test_messages_that_are_not_understood_change_nothing(live: Listening, text: str) -> None:
    async with live.open() as client:
        await client.send(text)
        error = json.loads(await client.recv())
        await client.send(samples(1.0))
        await client.send(CLOSE)
        messages = await rest(client)
    assert (error["type"], error["variant"]) == ("Error", "SchemaError")
    assert error["message"] == (text if len(text) <= 80 else text[:80] + "…")
    assert texts(messages) == ["final end: hello there", "Metadata"]


async def test_terms_can_be_changed_while_it_runs(live: Listening) -> None:
    async with live.open(f"{RAW}&keyterm=one") as client:
        await client.send('{"type":"Configure","keyterms":["two","three"]}')
        changed = json.loads(await client.recv())
        await client.send('{"type":"Configure","processors":{"numerals":true}}')
        kept = json.loads(await client.recv())
        await client.send(json.dumps({"type": "Configure", "keyterms": ["x" * 2000]}))
        refused = json.loads(await client.recv())
        assert client.response is not None
        name = client.response.headers["dg-request-id"]
    assert changed == {
        "type": "ConfigureSuccess",
        "request_id": name,
        "keyterms": ["two", "three"],
    }
    assert kept == {"type": "ConfigureSuccess", "request_id": name}
    assert (refused["type"], refused["code"]) == (
        "ConfigureFailure",
        "CONFIGURE_KEYTERM_LIMIT_EXCEEDED",
    )
    stream = live.runtime.lives[0]
    assert stream.options.keywords == ("one",)
    assert [options.keywords for _, options in stream.configured] == [("two", "three")]


# What it may ask for


async def test_what_the_stream_is_asked(live: Listening) -> None:
    asked = (
        "model=nova-3&language=de-AT&endpointing=500",
        "model=small&language=multi&language_hint=en&endpointing=25",
        "endpointing=false",
        "endpointing=true",
        "redemption_time_ms=400&model=base",
        "endpointing=10&detect_language=true",
    )
    for query in asked:
        async with live.open(f"{RAW}&{query}"):
            pass
    opened = live.runtime.lives
    served = "whisper-1"
    assert live.runtime.models == [served, "small", served, served, "base", served]
    assert [each.live.turns.silence_s for each in opened] == [0.5, 0.3, 0.5, 0.5, 0.4, 0.5]
    assert [each.live.language for each in opened] == ["de", None, "en", "en", "en", None]
    assert opened[1].options.languages == ("en",)


async def test_names_of_parameters_that_clients_send_are_taken(live: Listening) -> None:
    """As pipecat, livekit-agents and Argmax's clients send them."""
    asked = (
        "model=nova-3-general&language=en&channels=1&multichannel=false&interim_results=true"
        "&punctuate=true&profanity_filter=true&diarize=false&dictation=false&detect_entities=false"
        "&numerals=false&smart_format=false&extra=[object+Object]&keywords=a:1.5&keyterm=b+c",
        "model=nova-3&language=en-US&vad_events=true&endpointing=25&no_delay=true"
        "&filler_words=true&mip_opt_out=false&alternatives=1&tier=x&version=latest",
        "model=nova-2&detect_language=false&redemption_time_ms=400&redact=false&is_final=true",
    )
    for query in asked:
        async with live.open(f"{RAW}&{query}") as client:
            await client.send(CLOSE)
            assert texts(await rest(client)) == ["Metadata"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"{RAW}&utterance_end_ms=999", "Invalid 'utterance_end_ms' value of '999'."),
        (f"{RAW}&utterance_end_ms=soon", "Invalid 'utterance_end_ms' value of 'soon'."),
        (f"{RAW}&endpointing=now", "Invalid 'endpointing' value of 'now'. Allowed is a number "),
        (f"{RAW}&redact=pci", "Invalid 'redact' value of 'pci'. It is not supported: "),
        (f"{RAW}&callback=ws://a.b", "Invalid 'callback' value of 'ws://a.b'. It is not "),
        ("encoding=linear16", "'encoding' of 'linear16' needs a 'sample_rate' of 8000 to 48000."),
        ("encoding=speex&sample_rate=8000", "Invalid 'encoding' value of 'speex'. Allowed is "),
        (f"{RAW}&language=klingon", "Invalid language 'klingon'. "),
        ("multichannel=true", "Invalid 'multichannel' value of 'true'. Allowed is false "),
    ],
)
async def test_what_is_refused_before_the_socket_is_open(
    live: Listening, query: str, message: str
) -> None:
    status, code, said = await refusal(live, query)
    assert (status, code) == (400, "INVALID_QUERY_PARAMETER")
    assert said.startswith(message)
    assert live.runtime.lives == []


async def test_models_and_rooms_that_are_not_there(live: Listening) -> None:
    assert (await refusal(live, f"{RAW}&model=parakeet"))[:2] == (404, "MODEL_NOT_FOUND")
    live.runtime.refusal = Overloaded("All that can be followed.", retry_after_s=1.0)
    assert await refusal(live) == (429, "TOO_MANY_REQUESTS", "All that can be followed.")


async def test_keys_and_subprotocols() -> None:
    async with listening(api_keys=("secret",)) as live:
        headers = ("Token secret", "token secret", "Bearer secret", "bearer secret")
        for value in headers:
            async with live.open(additional_headers={"authorization": value}) as client:
                assert client.subprotocol is None
        offers = (
            (["token", "secret"], "token"),
            (["bearer", "secret"], "bearer"),
            (["mine", "token", "secret"], "token"),
            (["token", "secret", "x-deepgram-session-id", str(uuid.uuid4())], "token"),
        )
        for offered, answered in offers:
            async with live.open(subprotocols=offered) as client:
                assert client.subprotocol == answered
        wrong = {"authorization": "Token wrong"}
        assert (await refusal(live, additional_headers=wrong))[:2] == (401, "INVALID_AUTH")
        assert (await refusal(live))[:2] == (401, "INVALID_AUTH")
        assert (await refusal(live, subprotocols=["token", "no"]))[:2] == (401, "INVALID_AUTH")


async def test_a_token_for_a_short_time_is_as_good_as_a_key() -> None:
    async with listening(api_keys=("secret",)) as live, live.served.http() as http:
        key = {"authorization": "Token secret"}
        granted = await http.post("/v1/auth/grant", headers=key, json={"ttl_seconds": 60})
        usual = await http.post("/v1/auth/grant", headers=key)
        token = granted.json()["access_token"]
        async with live.open(additional_headers={"authorization": f"bearer {token}"}):
            pass
        async with live.open(subprotocols=["bearer", token]) as client:
            assert client.subprotocol == "bearer"
        posted = await http.post(
            "/v1/listen", content=b"audio", headers={"authorization": f"Bearer {token}"}
        )
        elsewhere = await http.get("/v1/models", headers={"authorization": f"Bearer {token}"})
        wrong = {"authorization": "Bearer ek_wrong"}
        refused = await refusal(live, additional_headers=wrong)
        without = await http.post("/v1/auth/grant")
        too_long = await http.post("/v1/auth/grant", headers=key, json={"ttl_seconds": 7200})
        junk = await http.post("/v1/auth/grant", headers=key, content=b"[]")
    assert (granted.json()["expires_in"], usual.json()["expires_in"]) == (60, 30)
    assert (posted.status_code, elsewhere.status_code) == (200, 401)
    assert refused[:2] == (401, "INVALID_AUTH")
    assert refused[2].endswith("Create another with POST /v1/auth/grant.")
    assert [each.status_code for each in (without, too_long, junk)] == [401, 400, 400]
    assert too_long.json()["err_msg"] == (
        "Invalid 'ttl_seconds' value of '7200'. Allowed is a number from 1 to 3600."
    )


# Faults


async def test_a_client_that_says_nothing_is_told_so_after_the_rest_of_its_text() -> None:
    async with listening(no_data_s=10) as live:
        live.runtime.live_says = speaks
        async with live.open() as client:
            await client.send(samples(1.0))
            await until(lambda: bool(live.runtime.lives and live.runtime.lives[0].told))
            advance(10)
            assert texts(await rest(client)) == ["final end: hello there"]
    code, reason = closed(client)
    assert code == 1011
    assert reason is not None
    assert reason.startswith("NET-0001")


async def test_a_client_that_leaves_frees_its_stream(live: Listening) -> None:
    async with live.open() as client:
        await client.send(samples(1.0))
        await until(lambda: len(live.runtime.lives) == 1)
        client.transport.abort()
    await live.runtime.lives[0].closed.wait()
    assert "finish" not in live.runtime.lives[0].told


async def test_fifty_clients_that_are_gone_without_a_word_leave_nothing(live: Listening) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(live.open()) for _ in range(50)]
        for client in clients:
            await client.send(samples(0.1))
            client.transport.abort()
        await until(lambda: len(live.runtime.lives) == 50)
        for stream in live.runtime.lives:
            await stream.closed.wait()


async def test_a_client_that_never_reads_is_let_go(
    live: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "MAX_OUTBOX_BYTES", 1000)
    monkeypatch.setattr(socket, "FLUSH_S", 0.01)

    def says(stream: FakeLive, told: Told) -> Sequence[Effect]:
        return [effect for n in range(2000) for effect in ended(n, 2.0)] if told == "send" else ()

    live.runtime.live_says = says
    async with live.open(max_queue=1, close_timeout=0.1) as client:
        await client.send(samples(1.0))
        await until(lambda: len(live.runtime.lives) == 1)
        await live.runtime.lives[0].closed.wait()
    assert live.runtime.lives[0].told == ["send"]


async def test_an_engine_that_fails_is_told_by_the_close(live: Listening) -> None:
    live.runtime.live_says = lambda _, told: [EngineFailed("It failed.")] if told == "send" else ()
    async with live.open() as client:
        await client.send(samples(1.0))
        assert await rest(client) == []
    assert closed(client) == (1011, "NET-0000: It failed.")


async def test_a_turn_that_cannot_be_read_is_told_by_the_close_after_its_words(
    live: Listening,
) -> None:
    failed = (TurnStarted(1, 0.0), Update(1, HELLO, ()), TurnEnded(1, 0.0, 2.0))
    live.runtime.live_says = lambda *_: (*failed, TurnFailed(1, 0.0, 2.0, HELLO, "no engine"))
    async with live.open() as client:
        await client.send(samples(1.0))
        assert texts(await rest(client)) == ["final: hello there"]
    assert closed(client) == (1011, "NET-0000: no engine")


async def test_a_stream_that_cannot_be_followed_is_closed(live: Listening) -> None:
    async with live.open() as client:
        await client.send(samples(0.1))
        await until(lambda: bool(live.runtime.lives and live.runtime.lives[0].told))
        live.runtime.lives[0].refusal = Overloaded("Too much speech waits.")
        await client.send(samples(0.1))
        await rest(client)
    assert closed(client) == (1013, "Too much speech waits.")


async def test_a_server_that_stops_gives_the_rest_of_the_text() -> None:
    async with listening() as live:
        live.runtime.live_says = speaks
        async with live.open() as client:
            await client.send(samples(1.0))
            await until(lambda: bool(live.runtime.lives and live.runtime.lives[0].told))
            live.served.server.stop()
            messages = await rest(client)
    assert texts(messages) == ["final end: hello there", "Metadata"]
    assert closed(client)[0] == 1012


async def test_a_session_has_a_greatest_length() -> None:
    async with listening(max_live_s=10) as live:
        live.runtime.live_says = speaks
        async with live.open() as client:
            await client.send(samples(1.0))
            await until(lambda: bool(live.runtime.lives and live.runtime.lives[0].told))
            advance(10)
            messages = await rest(client)
    assert texts(messages) == ["final end: hello there", "Metadata"]
    assert closed(client)[0] == 1001


async def test_audio_of_no_known_kind_is_refused(live: Listening) -> None:
    async with live.open("model=nova-3") as client:
        await client.send(b"\0" * 8192)
        await rest(client)
    code, reason = closed(client)
    assert code == 1008
    assert reason is not None
    assert reason.startswith("DATA-0000")


# Containers


async def test_audio_in_a_container_says_itself_how_it_is_written(live: Listening) -> None:
    audio = samples(1.0)
    async with live.open("model=nova-3") as client:
        await client.send(b"Og")
        await client.send(b"gS" + audio[:16_000])
        await client.send(audio[16_000:])
        await client.send(CLOSE)
        messages = await rest(client)
    assert texts(messages) == ["final end: hello there", "Metadata"]
    assert (messages[-1]["duration"], messages[-1]["channels"]) == (1.0, 1)
    np.testing.assert_allclose(live.runtime.lives[0].pcm, np.full(16_000, 1000 / 32768), rtol=1e-6)
    await until(lambda: live.runtime.containers == 0)


async def test_opus_comes_packet_by_packet(live: Listening) -> None:
    """No sample_rate is needed: Opus says itself what it is."""
    async with live.open("encoding=opus&channels=2") as client:
        await client.send(b"\x08" + bytes(40))
        await until(lambda: live.runtime.containers == 1)
        await client.send(b"\x03")
        await rest(client)
    code, reason = closed(client)
    assert (code, (reason or "")[:47]) == (1008, "DATA-0000: A message of 1 bytes is no Opus pack")
    status, kind, text = await refusal(live, "encoding=opus&channels=3")
    assert (status, kind) == (400, "INVALID_QUERY_PARAMETER")
    assert text.startswith("Invalid 'channels' value of '3'.")
    assert "multichannel" in (await refusal(live, "encoding=opus&channels=2&multichannel=true"))[2]


async def test_a_container_that_is_damaged_is_told_by_the_close(live: Listening) -> None:
    async with live.open("model=nova-3") as client:
        await client.send(b"OggSbad")
        await client.send(CLOSE)
        await rest(client)
    assert closed(client) == (1008, "DATA-0000: It is damaged.")


async def test_a_fault_of_the_decoding_ends_the_stream(
    live: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that had said it was done waited for ever."""
    async with live.open("model=nova-3") as client:
        await client.send(b"OggSbug")
        await client.send(CLOSE)
        await rest(client)
    assert closed(client) == (1011, "NET-0000: The server had an error.")
    assert "nobody thought of that" in caplog.text


@pytest.mark.parametrize(
    ("damage", "close"),
    [
        (b"bad", (1008, "DATA-0000: It is damaged.")),
        (b"end", (1012, "The decoder ended.")),
    ],
)
async def test_what_was_heard_is_told_before_a_close_for_want_of_audio(
    live: Listening, damage: bytes, close: tuple[int, str]
) -> None:
    async with live.open("model=nova-3") as client:
        await client.send(b"OggS" + samples(1.0))
        await client.send(damage)
        await client.send(CLOSE)
        assert texts(await rest(client)) == ["final end: hello there"]
    assert closed(client) == close
    assert live.runtime.lives[0].told == ["send", "finish"]


async def test_a_message_that_is_no_packet_costs_no_text(live: Listening) -> None:
    async with live.open("encoding=opus") as client:
        await client.send(b"\x08" + bytes(40))
        await client.send(b"\x03")
        assert texts(await rest(client)) == ["final end: hello there"]
    assert closed(client)[0] == 1008


async def test_too_little_to_know_what_it_is_is_no_audio(live: Listening) -> None:
    async with live.open("model=nova-3") as client:
        await client.send(b"??")
        await client.send(CLOSE)
        await rest(client)
    assert closed(client)[0] == 1008


async def test_a_stream_in_a_container_that_is_not_sent_ends_well(live: Listening) -> None:
    async with live.open("model=nova-3") as client:
        await client.send(CLOSE)
        assert texts(await rest(client)) == ["Metadata"]
    assert closed(client) == (1000, "")
