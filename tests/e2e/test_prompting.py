"""Prompt, hotwords and prefix through the whole server: they help, and are never what is said."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio_files import JFK_WORDS, SAMPLES, wav, words
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = (SAMPLES / "jfk.wav").read_bytes()
PROMPT = "Minutes of the board meeting. Present were Siobhan Quixel and Anil Brondex."


def _hiss(seconds: float) -> bytes:
    pcm = np.random.default_rng(1).normal(0, 0.05, round(seconds * 16_000))
    return wav(pcm.astype(np.float32))


async def _text(served: Real, audio: bytes, **fields: str) -> str:
    async with served.http() as client:
        answer = await client.post(
            "/v1/audio/transcriptions",
            files={"file": ("audio.wav", audio)},
            data={"model": "whisper-1", **fields},
        )
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["text"]
    return text


@pytest.mark.parametrize("name", ["prompt", "hotwords"])
async def test_a_prompt_is_not_repeated_where_nothing_is_said(english: Real, name: str):
    text = await _text(english, _hiss(6), vad="false", **{name: PROMPT.replace(". ", ", ")})
    assert set(words(text).split()) & set(words(PROMPT).split()) == set()


async def test_a_prompt_about_something_else_takes_nothing_away(english: Real):
    text = await _text(english, JFK, prompt=PROMPT, keywords="Kubernetes,Postgres")
    assert words(text) == JFK_WORDS


async def test_the_prefix_is_part_of_the_answer(english: Real):
    assert words(await _text(english, JFK, prefix="And so, my")) == JFK_WORDS
