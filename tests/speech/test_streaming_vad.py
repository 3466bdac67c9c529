"""Speech is heard however long the noise before it, and noise is never taken for speech."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from auricle.speech.gain import NO_LEVELS, with_gain
from auricle.speech.streaming_vad import STRETCH, StreamingVad
from auricle.speech.vad import F32, FRAME, SpeechDetector, VadState

DETECTOR = SpeechDetector()
SAMPLES = Path(__file__).parents[2] / "samples"
CHUNK = 937 * FRAME


def speech() -> F32:
    with wave.open(str(SAMPLES / "jfk.wav")) as wav:
        raw = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
    return (raw / 32768).astype(np.float32)


def probabilities(pcm: F32) -> F32:
    listener = StreamingVad(DETECTOR)
    heard = [listener.probabilities(pcm[at : at + CHUNK]) for at in range(0, len(pcm), CHUNK)]
    return np.concatenate([*heard, listener.finish()])


def noise(seconds: int) -> F32:
    return np.random.default_rng(1).normal(0, 0.2, seconds * 16000).astype(np.float32)


def chords(seconds: int) -> F32:
    at = np.arange(seconds * 16000) / 16000
    tones = [np.sin(2 * np.pi * hz * at) for hz in (220, 277, 330)]
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * at / 2)
    return (sum(tones) * swell * 0.1).astype(np.float32)


@pytest.mark.parametrize("sound", [noise, chords])
def test_speech_after_a_minute_of_noise_is_heard(sound):
    before = sound(60)
    n_before = len(before) // FRAME
    said = speech()
    alone = probabilities(said) >= 0.5
    found = probabilities(np.concatenate([before, said])) >= 0.5
    assert not found[:n_before].any()
    assert found[n_before:].sum() >= 0.9 * alone.sum()


def test_while_somebody_speaks_nothing_is_forgotten():
    said = np.tile(speech(), 2)
    heard, _ = with_gain(said, NO_LEVELS)
    found, _ = DETECTOR.probabilities(heard, VadState.initial())
    np.testing.assert_allclose(probabilities(said)[: len(found)], found, atol=1e-5)


@pytest.mark.parametrize("n_samples", [0, 1, FRAME - 1, FRAME, STRETCH, STRETCH + 1])
def test_every_frame_has_a_probability(n_samples):
    assert len(probabilities(noise(20)[:n_samples])) == -(-n_samples // FRAME)
