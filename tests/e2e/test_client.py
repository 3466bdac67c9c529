"""Auricle's own client against a server with real weights."""

from __future__ import annotations

import pytest

import auricle
from auricle.client import TextDelta, TextDone
from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = SAMPLES / "jfk.wav"


async def test_a_transcription(english: Real):
    async with auricle.AsyncClient(english.served.url) as client:
        answer = await client.transcribe(JFK)
    assert words(answer.text) == JFK_WORDS
    assert answer.segments is not None
    assert [segment.end for segment in answer.segments] == pytest.approx([8.0, 11.0], abs=0.3)


async def test_a_stream(english: Real):
    async with auricle.AsyncClient(english.served.url) as client:
        *deltas, done = [event async for event in client.stream(JFK)]
    assert isinstance(done, TextDone)
    texts = [event.delta for event in deltas if isinstance(event, TextDelta)]
    assert len(texts) == len(deltas)
    assert "".join(texts) == done.text
    assert words(done.text) == JFK_WORDS
