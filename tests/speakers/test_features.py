"""Filterbanks as Kaldi's own code computes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from auricle.speakers.features import fbank
from tests.audio_files import SAMPLES, read_wav

GOLDEN = np.load(Path(__file__).with_name("golden.npz"))


def test_as_kaldi():
    mel = fbank(read_wav(SAMPLES / "jfk.wav")[:80_000])
    np.testing.assert_allclose(mel[::20], GOLDEN["fbank"], atol=2e-3)


def test_frames_lie_wholly_in_the_audio():
    lengths = {n: fbank(np.zeros(n, np.float32)).shape for n in (0, 399, 400, 559, 560)}
    assert lengths == {0: (0, 80), 399: (0, 80), 400: (1, 80), 559: (1, 80), 560: (2, 80)}


def test_silence_is_the_floor():
    assert np.unique(fbank(np.zeros(800, np.float32))) == np.log(np.finfo(np.float32).eps)
