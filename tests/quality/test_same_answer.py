"""What a recording says depends on nothing but the recording, the options and the model."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.types import DecodeOptions
from auricle_bench.measurements.noises import sound
from tests.audio_files import SAMPLES, read_wav

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = read_wav(SAMPLES / "jfk.wav")
OPTIONS = (
    DecodeOptions(words=True),
    DecodeOptions(decoding="fast"),
    DecodeOptions(temperature=0.8),
)
ODD = [sound("brown noise", 2), np.tile(JFK[: 2 * 16_000], 4), read_wav(SAMPLES / "es.wav")]
"""Noise, words said four times, and a language the model does not know."""


async def test_a_used_server_answers_as_a_fresh_one_does(hear):
    """Windows that were read again changed how others were read, and texts read with chance came
    out differently each time."""
    first = [await hear(JFK, options) for options in OPTIONS]
    assert all(transcript.segments for transcript in first)
    for pcm in ODD:
        await hear(pcm, DecodeOptions(vad=False, decoding="fast"))
    assert [await hear(JFK, options) for options in OPTIONS] == first
