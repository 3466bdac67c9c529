"""The OpenAI SDK against a server with real weights."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise

import pytest

from tests.audio_files import ENDING_WORDS, JFK_WORDS, SAMPLES, ending, words
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = SAMPLES / "jfk.wav"
ENDING = ("ending.wav", ending())
CLOCK = re.compile(r"(\d+):(\d+):([\d.]+) --> (\d+):(\d+):([\d.]+)")


def cues(subtitles: str) -> list[tuple[float, float, list[str]]]:
    """``(start_s, end_s, words)`` of every cue."""
    found = []
    for block in subtitles.replace(",", ".").split("\n\n"):
        if match := CLOCK.search(block):
            h1, m1, s1, h2, m2, s2 = map(float, match.groups())
            text = words(block[match.end() :]).split()
            found.append((3600 * h1 + 60 * m1 + s1, 3600 * h2 + 60 * m2 + s2, text))
    return found


async def test_text_is_one_line(english: Real):
    async with english.async_client() as client:
        answer = await client.audio.transcriptions.create(
            file=JFK, model="whisper-1", response_format="text"
        )
    assert answer.endswith("\n")
    assert answer.count("\n") == 1
    assert words(answer) == JFK_WORDS


async def test_subtitles_have_every_word_at_its_time(english: Real):
    """Where cues end within the sentence depends on its commas, and those on the processor's
    arithmetic: exact subtitles of a real model held on one machine only."""
    async with english.async_client() as client:
        srt, vtt = [
            await client.audio.transcriptions.create(
                file=JFK, model="whisper-1", response_format=response_format
            )
            for response_format in ("srt", "vtt")
        ]
    assert srt.startswith("1\n")
    assert vtt.startswith("WEBVTT\n\n")
    found = cues(srt)
    assert found == cues(vtt)
    assert [word for _, _, text in found for word in text] == JFK_WORDS.split()
    assert found == sorted(found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    assert found[0][0] == pytest.approx(0.29, abs=0.1)
    assert found[-1][1] == pytest.approx(10.74, abs=0.1)


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
