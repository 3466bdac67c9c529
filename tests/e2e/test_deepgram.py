"""Recordings and streams by Deepgram's API, read by real weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

KIND = {"content-type": "application/octet-stream"}


def samples(*channels: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    """16 bit, interleaved."""
    return (np.stack(channels, axis=1) * 32767).astype("<i2").tobytes()


async def listen(real: Real, query: str, body: bytes) -> dict[str, Any]:
    async with real.http() as http:
        answer = await http.post(f"/v1/listen?{query}", content=body, headers=KIND, timeout=60)
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
