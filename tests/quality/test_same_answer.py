"""What a recording says depends on nothing but the recording, the options and the model."""

from __future__ import annotations

import msgspec
import pytest

from auricle.types import SAMPLE_RATE, DecodeOptions
from auricle_bench.measurements import odd_requests
from tests.audio_files import SAMPLES, read_wav

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = read_wav(SAMPLES / "jfk.wav")
CLIPS = (JFK[: 5 * SAMPLE_RATE], JFK[round(5.6 * SAMPLE_RATE) : round(6.7 * SAMPLE_RATE)])
OPTIONS = (
    DecodeOptions(words=True),
    DecodeOptions(decoding="fast"),
    DecodeOptions(temperature=0.8),
)
ODD = (*odd_requests.pcms(4), read_wav(SAMPLES / "es.wav")[: 4 * SAMPLE_RATE])
"""Noises, words said again and again, speech backwards and too fast, and a language that the model
does not know."""


async def test_a_used_server_answers_as_a_fresh_one_does(hear):
    """Windows that were read again changed how others were read, and texts read with chance came
    out differently each time."""

    async def answers() -> list[bytes]:
        found = [await hear(pcm, options) for pcm in CLIPS for options in OPTIONS]
        assert all(transcript.segments for transcript in found)
        return [msgspec.json.encode(transcript) for transcript in found]

    first = await answers()
    for pcm in ODD:
        await hear(pcm, DecodeOptions(vad=False, decoding="fast"))
    assert await answers() == first
