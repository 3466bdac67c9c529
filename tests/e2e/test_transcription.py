"""The OpenAI SDK against a server with real weights."""

from __future__ import annotations

import asyncio

import pytest

from tests.audio_files import ENDING_WORDS, JFK_WORDS, SAMPLES, ending, words
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = SAMPLES / "jfk.wav"
ENDING = ("ending.wav", ending())
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
            return client.audio.transcriptions.create(file=ENDING, model="gpt-4o-transcribe")

    assert words((await asyncio.to_thread(ask)).text) == ENDING_WORDS


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


async def test_streams_are_append_only(multilingual: Real):
    async with multilingual.async_client() as client:
        events = await client.audio.transcriptions.create(
            file=JFK, model="gpt-4o-mini-transcribe", stream=True
        )
        heard = [event async for event in events]
    deltas = [event.delta for event in heard if event.type == "transcript.text.delta"]
    done = heard[-1]
    assert done.type == "transcript.text.done"
    assert "".join(deltas) == done.text
    assert words(done.text) == JFK_WORDS


async def test_many_at_once_say_the_same_as_alone(english: Real):
    async with english.async_client() as client:
        answers = await asyncio.gather(
            *(client.audio.transcriptions.create(file=ENDING, model="whisper-1") for _ in range(12))
        )
    assert [words(answer.text) for answer in answers] == [ENDING_WORDS] * 12
