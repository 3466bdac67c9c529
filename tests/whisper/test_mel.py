"""Features against openai-whisper's own.

``golden_mel.npz`` holds every eighth frame of ``whisper.log_mel_spectrogram(pcm, n_mels,
padding=16000)`` for the first 4 s of ``samples/jfk.wav``, as float16.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auricle.whisper import mel
from tests.audio_files import SAMPLES, read_wav

GOLDEN = np.load(Path(__file__).parent / "golden_mel.npz")


@pytest.mark.parametrize("n_mels", [80, 128])
def test_equals_openai_whisper(n_mels):
    features = mel.log_mel(read_wav(SAMPLES / "jfk.wav")[: 4 * 16_000], n_mels, 400)
    assert features.shape == (n_mels, 400)
    assert features.dtype == np.float32
    # The last frame reaches past the cut, where the reference saw its padding too.
    np.testing.assert_allclose(features[:, ::8], GOLDEN[f"mel_{n_mels}"], atol=2e-3)


@pytest.mark.parametrize("n_samples", [0, 1, 160, 161, 400, 16_000, 480_000, 500_000])
@pytest.mark.parametrize("n_frames", [500, 3000])
def test_any_audio_gives_the_frames_that_were_asked_for(n_samples, n_frames):
    features = mel.log_mel(np.full(n_samples, 0.1, np.float32), 80, n_frames)
    assert features.shape == (80, n_frames)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


@pytest.mark.parametrize("pcm", [np.zeros(0, np.float32), np.zeros(1600, np.float32)])
def test_nothing_but_silence_is_the_least_value(pcm):
    features = mel.log_mel(pcm, 80, 20)
    np.testing.assert_allclose(features, -1.5, atol=1e-6)  # (log10(1e-10) + 4) / 4


def test_behind_the_audio_is_the_silence_that_zeros_give():
    pcm = read_wav(SAMPLES / "jfk.wav")[:16_000]
    padded = np.concatenate([pcm, np.zeros(16_000, np.float32)])
    features, longer = mel.log_mel(pcm, 80, 200), mel.log_mel(padded, 80, 200)
    np.testing.assert_allclose(features[:, 103:], longer[:, 103:], atol=1e-6)


@pytest.mark.parametrize("n_samples", [15_900, 16_000, 16_001, 16_100])
def test_zeros_behind_loud_audio_change_no_frame(n_samples):
    """Frames behind the end that still see some of the audio were made silent: up to two, enough
    for other words in one window of eight."""
    pcm = np.random.default_rng(0).uniform(-1, 1, n_samples).astype(np.float32)
    padded = np.concatenate([pcm, np.zeros(16_000, np.float32)])
    features, longer = mel.log_mel(pcm, 80, 200), mel.log_mel(padded, 80, 200)
    np.testing.assert_allclose(features, longer, atol=1e-6)
