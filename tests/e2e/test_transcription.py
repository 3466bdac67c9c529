"""The OpenAI SDK against a server with real weights."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest

from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.e2e.conftest import Real
from tests.waiting import until

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = SAMPLES / "jfk.wav"
CUES = (
    ("00:00:00,290 --> 00:00:04,330", "And so my fellow Americans ask not"),
    ("00:00:05,380 --> 00:00:07,600", "what your country can do for you"),
    ("00:00:08,150 --> 00:00:10,740", "ask what you can do for your country."),
)
"""Shaped by the words' times: the long segment is split at its pause."""

TEXT = " ".join(text for _, text in CUES) + "\n"
SRT = "".join(f"{n}\n{times}\n{text}\n\n" for n, (times, text) in enumerate(CUES, 1))
VTT = "WEBVTT\n\n" + "".join(f"{times.replace(',', '.')}\n{text}\n\n" for times, text in CUES)


@pytest.mark.parametrize(
    ("response_format", "expected"),
    [("text", TEXT), ("srt", SRT), ("vtt", VTT)],
)
async def test_plain_formats(english: Real, response_format, expected):
    async with english.async_client() as client:
        answer = await client.audio.transcriptions.create(
            file=JFK, model="whisper-1", response_format=response_format
        )
    assert answer == expected


async def test_json(english: Real):
    async with english.async_client() as client:
        answer = await client.audio.transcriptions.create(file=JFK, model="tiny.en")
    assert words(answer.text) == JFK_WORDS
    assert answer._request_id is not None


async def test_sync_client(english: Real):
    def ask():
        with english.client() as client:
            return client.audio.transcriptions.create(file=JFK, model="gpt-4o-transcribe")

    assert words((await asyncio.to_thread(ask)).text) == JFK_WORDS


async def test_verbose_json_of_a_language_nobody_named(multilingual: Real):
    async with multilingual.async_client() as client:
        answer = await client.audio.transcriptions.create(
            file=SAMPLES / "es.wav",
            model="whisper-1",
            response_format="verbose_json",
            timestamp_granularities=["segment"],
        )
    assert (answer.language, answer.task) == ("spanish", "transcribe")  # type: ignore[attr-defined]  # live servers send task
    assert answer.duration == pytest.approx(7.66, abs=0.02)
    assert "grabaciones de LibriVox son del dominio público" in answer.text
    assert answer.segments
    ends = [0.0]
    for segment in answer.segments:
        assert ends[-1] <= segment.start < segment.end <= answer.duration
        ends.append(segment.end)
    assert "".join(segment.text for segment in answer.segments).strip() == answer.text


@pytest.mark.filterwarnings("ignore:deprecated")  # the SDK announces the end of OpenAI's own
async def test_translation(multilingual: Real):
    async with multilingual.async_client() as client:
        answer = await client.audio.translations.create(file=SAMPLES / "es.wav", model="whisper-1")
    assert "public domain" in answer.text


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-mini-transcribe", "base"])
async def test_streams_are_append_only(multilingual: Real, model):
    async with multilingual.async_client() as client:
        events = await client.audio.transcriptions.create(file=JFK, model=model, stream=True)
        heard = [event async for event in events]
    deltas = [event.delta for event in heard if event.type == "transcript.text.delta"]
    done = heard[-1]
    assert done.type == "transcript.text.done"
    assert "".join(deltas) == done.text
    assert words(done.text) == JFK_WORDS


async def test_many_at_once_say_the_same_as_alone(english: Real):
    async with english.async_client() as client:
        answers = await asyncio.gather(
            *(client.audio.transcriptions.create(file=JFK, model="whisper-1") for _ in range(12))
        )
    assert {words(answer.text) for answer in answers} == {JFK_WORDS}


async def test_a_killed_engine_loses_nothing(english: Real):
    runtime = english.runtime
    n_engines = len(runtime.engines)
    async with english.async_client() as client:
        requests = [
            asyncio.create_task(client.audio.transcriptions.create(file=JFK, model="whisper-1"))
            for _ in range(6)
        ]
        await until(lambda: runtime.n_windows > 0)
        runtime.kill_engine()
        answers = await asyncio.gather(*requests)
    assert {words(answer.text) for answer in answers} == {JFK_WORDS}
    assert len(runtime.engines) == n_engines + 1


async def test_a_client_that_leaves_takes_its_windows_with_it(english: Real):
    runtime = english.runtime
    async with english.http() as client:
        request = asyncio.create_task(_post(client, JFK))
        await until(lambda: runtime.n_windows > 0)
        request.cancel()
    await until(lambda: runtime.n_windows == 0)
    async with english.async_client() as sdk:
        answer = await sdk.audio.transcriptions.create(file=JFK, model="whisper-1")
    assert words(answer.text) == JFK_WORDS


async def _post(client: httpx2.AsyncClient, path: Path) -> httpx2.Response:
    with path.open("rb") as file:  # a small local file
        files = {"file": (path.name, file.read())}
    return await client.post(
        "/v1/audio/transcriptions", files=files, data={"model": "whisper-1"}, timeout=60
    )
