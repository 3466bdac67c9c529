"""Where nobody speaks there are no words, and the words beside it are all there."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.types import DecodeOptions
from auricle_bench.measurements.noises import KINDS, sound
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

GREEDY = DecodeOptions(decoding="fast")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("duration_s", [0.25, 1, 29, 60])
async def test_no_words_without_speech(hear, kind, duration_s):
    transcript = await hear(sound(kind, duration_s), GREEDY)
    assert (transcript.text, transcript.segments) == ("", ())
    assert transcript.duration_s == pytest.approx(duration_s)


@pytest.mark.parametrize("kind", ["silence", "white noise", "brown noise", "hum", "music"])
async def test_no_words_without_speech_when_it_is_not_looked_for(hear, kind):
    """tiny.en says " you" to silence, and is more sure of that than the reference asks for."""
    transcript = await hear(sound(kind, 3), DecodeOptions(vad=False))
    assert transcript.text == ""


@pytest.mark.parametrize("kind", KINDS)
async def test_speech_among_noise_keeps_its_words_and_gets_no_others(hear, kind):
    noises = [sound(kind, 12, seed) for seed in (1, 2)]
    speech = read_wav(SAMPLES / "jfk.wav")
    transcript = await hear(np.concatenate([noises[0], speech, noises[1]]), GREEDY)
    assert words(transcript.text) == JFK_WORDS
    assert 9.4 <= transcript.segments[0].start_s < transcript.segments[-1].end_s <= 24.0
