"""Features against openai-whisper's own.

``golden_mel.npz`` holds every eighth frame of ``whisper.log_mel_spectrogram(pcm, n_mels,
padding=16000)`` for the first 4 s of ``samples/jfk.wav``, as float16.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auricle.engine import mel
from tests.audio_files import SAMPLES, read_wav

GOLDEN = np.load(Path(__file__).parent / "golden_mel.npz")


@pytest.mark.parametrize("n_mels", [80, 128])
def test_equals_openai_whisper(n_mels):
    features = mel.log_mel(read_wav(SAMPLES / "jfk.wav")[: 4 * 16_000], n_mels)
    assert features.shape == (n_mels, 400)
    assert features.dtype == np.float32
    # The last frame reaches past the cut, where the reference saw its padding too.
    np.testing.assert_allclose(features[:, ::8], GOLDEN[f"mel_{n_mels}"], atol=2e-3)


@pytest.mark.parametrize(
    ("n_samples", "n_frames"), [(0, 0), (1, 1), (160, 1), (161, 2), (400, 3), (480_000, 3000)]
)
def test_one_frame_per_started_10_ms(n_samples, n_frames):
    features = mel.log_mel(np.zeros(n_samples, np.float32), 80)
    assert features.shape == (80, n_frames)
    assert np.isfinite(features).all()


def test_silence_is_the_floor():
    features = mel.log_mel(np.zeros(1600, np.float32), 80)
    np.testing.assert_allclose(features, -1.5, atol=1e-6)  # (log10(1e-10) + 4) / 4
