"""What a voice sounds like: the network as PyTorch computes it, from Kaldi's own filterbanks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auricle.speakers.features import fbank
from tests.audio_files import SAMPLES, read_wav
from tests.speakers import nets

pytestmark = pytest.mark.model

GOLDEN = np.load(Path(__file__).with_name("golden.npz"))
VOICES = ("jfk.wav", "es.wav")


def embedded(name: str, first: int = 16_000, last: int = 80_000) -> np.ndarray:
    [found] = nets.real().embedding.embed_all([fbank(read_wav(SAMPLES / name)[first:last])])
    return np.asarray(found)


def test_as_pytorch():
    found = np.stack([embedded(name) for name in VOICES])
    np.testing.assert_allclose(found, GOLDEN["embeddings"], atol=1e-4)


def test_one_voice_is_like_itself_and_not_like_another():
    one, other = (embedded(name, 80_000, 120_000) for name in VOICES)
    same = [embedded(VOICES[0]) @ one, embedded(VOICES[1]) @ other]
    assert min(same) > 0.5
    assert one @ other < 0.2


def test_loudness_does_not_matter():
    mel = fbank(read_wav(SAMPLES / "jfk.wav")[16_000:80_000])
    louder, plain = nets.real().embedding.embed_all([mel + 3, mel])
    np.testing.assert_allclose(louder, plain, atol=1e-4)


@pytest.mark.parametrize("n_frames", [1, 2, 3, 5, 12, 201])
def test_any_length(n_frames):
    mel = fbank(read_wav(SAMPLES / "jfk.wav")[16_000:80_000])[:n_frames]
    [found] = nets.real().embedding.embed_all([mel])
    assert found.shape == (192,)
    assert np.linalg.norm(found) == pytest.approx(1)


def test_no_stretches():
    assert nets.real().embedding.embed_all([]).shape == (0, 192)
