"""Quiet voices are raised for the detector, loud ones beside them are not."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.speech.gain import HEARD_WELL_RMS, MAX_GAIN, NO_LEVELS, with_gain
from auricle.speech.vad import FRAME, SpeechDetector, VadState
from auricle.types import SAMPLE_RATE, Pcm
from auricle_bench.measurements.noises import KINDS, sound
from tests.audio_files import SAMPLES, read_wav

DETECTOR = SpeechDetector()
SPEECH = read_wav(SAMPLES / "jfk.wav")


def speech_in(pcm: Pcm) -> np.ndarray:
    return DETECTOR.probabilities(pcm, VadState.initial())[0] >= 0.5


def quieter(pcm: Pcm, decibels: float) -> Pcm:
    return pcm * np.float32(10 ** (-decibels / 20))


@pytest.mark.parametrize("decibels", [20, 35, 45])
def test_a_quiet_voice_is_heard(decibels):
    """Measured on real speech: as it is, 43 % of word time was missed at -35 dB."""
    heard, _ = with_gain(quieter(SPEECH, decibels), NO_LEVELS)
    assert (speech_in(heard) == speech_in(SPEECH)).mean() > 0.9


def test_a_quiet_voice_is_heard_next_to_a_loud_one():
    """A sentence 40 dB below the one before it was lost, because the level was that of 30 s."""
    pause = np.zeros(94 * FRAME, np.float32)
    pcm = np.concatenate([SPEECH, pause, quieter(SPEECH, 40)])
    heard, _ = with_gain(pcm, NO_LEVELS)
    second = (len(SPEECH) + len(pause)) // FRAME
    n_heard = np.count_nonzero(speech_in(heard)[second:])
    assert n_heard > 0.9 * np.count_nonzero(speech_in(SPEECH))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decibels", [0, 30])
def test_noise_is_not_speech_however_far_it_is_raised(kind, decibels):
    heard, _ = with_gain(quieter(sound(kind, 10), decibels), NO_LEVELS)
    assert np.count_nonzero(speech_in(heard)) <= 2


def test_audio_that_is_loud_enough_stays_as_it_is():
    tone = (0.2 * np.sin(np.arange(SAMPLE_RATE))).astype(np.float32)
    heard, _ = with_gain(tone, NO_LEVELS)
    np.testing.assert_array_equal(heard, tone)


@pytest.mark.parametrize(("rms", "gain"), [(0.01, HEARD_WELL_RMS / 0.01), (1e-5, MAX_GAIN)])
def test_quiet_audio_is_raised_up_to_a_limit(rms, gain):
    pcm = np.full(SAMPLE_RATE, rms, np.float32)
    np.testing.assert_allclose(with_gain(pcm, NO_LEVELS)[0], pcm * gain, rtol=1e-4)


def test_what_is_raised_stays_within_full_scale():
    pcm = np.full(SAMPLE_RATE, 0.001, np.float32)
    pcm[8000] = 1.0  # a click is too short to count as loud
    heard, _ = with_gain(pcm, NO_LEVELS)
    assert heard.max() == 1.0
    assert heard[0] == pytest.approx(HEARD_WELL_RMS, rel=1e-4)


def test_the_next_stretch_begins_at_the_level_the_last_ended_with():
    pcm = np.concatenate([np.full(4 * SAMPLE_RATE, level, np.float32) for level in (0.06, 0.001)])
    first = 125 * FRAME
    whole, _ = with_gain(pcm, NO_LEVELS)
    start, levels = with_gain(pcm[:first], NO_LEVELS)
    end, _ = with_gain(pcm[first:], levels)
    np.testing.assert_allclose(end[: 20 * FRAME], pcm[first : first + 20 * FRAME])
    np.testing.assert_allclose(np.concatenate([start, end]), whole, atol=0.02)


def test_less_than_a_frame_is_left_alone():
    pcm = np.full(10, 0.001, np.float32)
    heard, levels = with_gain(pcm, NO_LEVELS)
    np.testing.assert_array_equal(heard, pcm)
    assert len(levels) == 0
