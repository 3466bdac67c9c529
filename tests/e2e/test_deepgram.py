"""Recordings and streams by Deepgram's API, read by real weights."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect

from auricle.types import SAMPLE_RATE, Pcm
from tests.audio_files import JFK_WORDS, SAMPLES, check_live, music, read_wav, words
from tests.e2e.conftest import Real
from tests.media.media_files import Format, sample

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

KIND = {"content-type": "application/octet-stream"}


def samples(*channels: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    """16 bit, interleaved."""
    return (np.stack(channels, axis=1) * 32767).astype("<i2").tobytes()


async def listen(real: Real, query: str, body: bytes) -> dict[str, Any]:
    async with real.http() as http:
        answer = await http.post(f"/v1/listen?{query}", content=body, headers=KIND)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_file(english: Real) -> None:
    query = "model=nova-3&smart_format=true&utterances=true&language=en-US"
    body = await listen(english, query, (SAMPLES / "jfk.wav").read_bytes())
    found = body["results"]["channels"][0]["alternatives"][0]
    assert words(found["transcript"]) == JFK_WORDS
    assert found["transcript"] == " ".join(word["punctuated_word"] for word in found["words"])
    assert found["transcript"] == found["paragraphs"]["transcript"].strip()
    assert 0.8 < found["confidence"] < 1
    assert body["metadata"]["duration"] == 11.0
    assert words(" ".join(each["transcript"] for each in body["results"]["utterances"])) == (
        JFK_WORDS
    )


async def test_each_channel_of_raw_samples_by_itself(english: Real) -> None:
    jfk = read_wav(SAMPLES / "jfk.wav")
    later = np.concatenate([np.zeros(16_000, np.float32), jfk[: len(jfk) - 16_000]])
    query = "encoding=linear16&sample_rate=16000&channels=2&multichannel=true"
    body = await listen(english, query, samples(np.zeros_like(jfk), later))
    silent, spoken = (each["alternatives"][0] for each in body["results"]["channels"])
    assert silent == {"transcript": "", "confidence": 0.0, "words": []}
    assert spoken["words"][0]["word"] == "and"
    assert spoken["words"][0]["start"] == pytest.approx(1.33, abs=0.2)
    mixed = await listen(english, query.replace("=true", "=false"), samples(jfk, jfk))
    assert len(mixed["results"]["channels"]) == 1
    assert words(mixed["results"]["channels"][0]["alternatives"][0]["transcript"]) == JFK_WORDS


CHUNK_BYTES = 3200
"""0.1 s."""


async def stream(real: Real, query: str, audio: bytes, then: str = "CloseStream") -> list[Any]:
    """All messages of a stream that comes faster than it is spoken."""
    url = real.served.url.replace("http://", "ws://")
    raw = "encoding=linear16&sample_rate=16000"
    address = f"{url}/v1/listen?{raw}&{query}"
    async with connect(address, proxy=None, compression=None) as client:
        for start in range(0, len(audio), CHUNK_BYTES):
            await client.send(audio[start : start + CHUNK_BYTES])
        await client.send(json.dumps({"type": then}))
        messages = [json.loads(message) async for message in client]
    assert (client.close_code, client.close_reason) == (1000, "")
    return messages


def spoken(messages: list[Any]) -> str:
    """What all finals say."""
    finals = (each["channel"]["alternatives"][0] for each in messages if each.get("is_final"))
    return " ".join(words(" ".join(each["transcript"] for each in finals)).split())


async def test_a_stream(english: Real) -> None:
    jfk = read_wav(SAMPLES / "jfk.wav")
    query = "interim_results=true&punctuate=true&vad_events=true&utterance_end_ms=1000"
    messages = await stream(english, query, samples(jfk))
    results = [each for each in messages if each["type"] == "Results"]
    finals = [each for each in results if each["is_final"]]
    check_live(spoken(messages))
    at_s = 0.0
    for each in results:
        assert each["start"] == pytest.approx(at_s, abs=0.002)
        end_s = each["start"] + each["duration"]
        times = [
            time
            for word in each["channel"]["alternatives"][0]["words"]
            for time in (word["start"], word["end"])
        ]
        assert times == sorted(times)
        assert all(at_s - 0.002 <= time <= end_s + 0.002 for time in times)
        at_s = end_s if each["is_final"] else at_s
    assert finals[-1]["speech_final"]
    assert messages[0]["type"] == "SpeechStarted"
    assert messages[-1]["type"] == "Metadata"
    assert messages[-1]["duration"] == pytest.approx(11.0, abs=0.001)
    ends = [each["last_word_end"] for each in messages if each["type"] == "UtteranceEnd"]
    heard = {word["end"] for each in finals for word in each["channel"]["alternatives"][0]["words"]}
    assert set(ends) <= heard


@pytest.mark.parametrize("quiet", [np.zeros(60 * SAMPLE_RATE, np.float32), music(20.0)])
async def test_silence_and_music_say_nothing(english: Real, quiet: Pcm) -> None:
    messages = await stream(english, "interim_results=true", samples(quiet))
    said = [e["channel"]["alternatives"][0] for e in messages if e["type"] == "Results"]
    assert [(each["transcript"], each["words"]) for each in said] == [("", [])] * len(said)
    assert messages[-1]["duration"] == pytest.approx(len(quiet) / SAMPLE_RATE)


async def test_a_language_for_each_turn(multilingual: Real) -> None:
    pause = np.zeros(2 * SAMPLE_RATE, np.float32)
    english, spanish = read_wav(SAMPLES / "jfk.wav"), read_wav(SAMPLES / "es.wav")
    both = np.concatenate([english[7 * SAMPLE_RATE :], pause, spanish[: 4 * SAMPLE_RATE]])
    messages = await stream(multilingual, "language=multi", samples(both))
    finals = [e["channel"]["alternatives"][0] for e in messages if e.get("is_final")]
    spoken_in = [language for each in finals for language in each.get("languages") or ()]
    assert spoken_in == sorted(spoken_in)  # English, then Spanish
    assert set(spoken_in) == {"en", "es"}


async def test_an_engine_that_is_killed_in_mid_turn_loses_no_word(english: Real) -> None:
    jfk = samples(read_wav(SAMPLES / "jfk.wav"))
    url = english.served.url.replace("http://", "ws://")
    address = f"{url}/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true"
    async with connect(address, proxy=None, compression=None) as client:
        await client.send(jfk[: len(jfk) // 2])
        first = json.loads(await client.recv())
        os.kill(english.runtime.engines[-1].pid, signal.SIGKILL)
        await client.send(jfk[len(jfk) // 2 :])
        await client.send('{"type":"CloseStream"}')
        messages = [first, *[json.loads(message) async for message in client]]
    assert client.close_code == 1000
    check_live(spoken(messages))


async def test_a_turn_of_flux(english: Real) -> None:
    jfk = samples(read_wav(SAMPLES / "jfk.wav"))
    url = english.served.url.replace("http://", "ws://")
    query = "model=flux-general-en&encoding=linear16&sample_rate=16000&eager_eot_threshold=0.3"
    async with connect(f"{url}/v2/listen?{query}", proxy=None, compression=None) as client:
        await client.send(jfk + bytes(len(jfk)))
        messages = [json.loads(await client.recv())]
        while messages[-1].get("event") != "EndOfTurn":
            messages.append(json.loads(await client.recv()))
        await client.send('{"type":"CloseStream"}')
        messages += [json.loads(message) async for message in client]
    assert client.close_code == 1000
    assert messages[0]["type"] == "Connected"
    assert [each["sequence_id"] for each in messages] == list(range(len(messages)))
    ends = [each for each in messages if each.get("event") == "EndOfTurn"]
    check_live(" ".join(each["transcript"] for each in ends))
    assert messages[1]["event"] == "StartOfTurn"


async def test_what_a_browser_records(english: Real) -> None:
    """Opus in WebM, in pieces, without a word about how it is written."""
    recording = sample(Format("webm", "libopus", 48_000))
    url = english.served.url.replace("http://", "ws://")
    async with connect(f"{url}/v1/listen?model=nova-3", proxy=None, compression=None) as client:
        for start in range(0, len(recording), 4000):
            await client.send(recording[start : start + 4000])
        await client.send('{"type":"CloseStream"}')
        messages = [json.loads(message) async for message in client]
    assert client.close_code == 1000
    check_live(spoken(messages))
    assert messages[-1]["duration"] == pytest.approx(11.0, abs=0.1)
