"""Who of three speaks: the network as PyTorch computes it, and chunks that share work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auricle.speakers.segmentation import CHUNK, N_FRAMES, Segmentation
from tests.audio_files import SAMPLES, read_wav
from tests.speakers import nets

GOLDEN = np.load(Path(__file__).with_name("golden.npz"))


@pytest.fixture(scope="module")
def random_network() -> Segmentation:
    return Segmentation(nets.segmentation())


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, CHUNK + 39_960).astype(np.float32)


def test_chunks_are_as_they_are_alone(random_network, noise):
    """Filters run over all chunks at once, and each is normalised afterwards."""
    together = random_network.log_probabilities(noise, 39_960)
    alone = [random_network.log_probabilities(noise[at : at + CHUNK])[0] for at in (0, 39_960)]
    assert together.shape == (2, N_FRAMES, 7)
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_probabilities_add_up(random_network, noise):
    found = random_network.log_probabilities(noise[:CHUNK])
    np.testing.assert_allclose(np.exp(found).sum(-1), 1.0, atol=1e-5)


def test_loudness_and_offset_do_not_matter(random_network, noise):
    found = random_network.log_probabilities(noise[:CHUNK])
    moved = random_network.log_probabilities(noise[:CHUNK] * 0.5 + 0.2)
    np.testing.assert_allclose(moved, found, atol=0.02)


def test_a_tensor_is_missing():
    weights = nets.segmentation()
    del weights["lstm.bias_hh_l3_reverse"]
    with pytest.raises(KeyError, match=r"lstm\.bias_hh_l3_reverse"):
        Segmentation(weights)


@pytest.mark.model
@pytest.mark.parametrize("name", ["segmentation", "segmentation_of_both"])
def test_as_pytorch(name):
    pcm = read_wav(SAMPLES / "jfk.wav")[:CHUNK]
    if name == "segmentation_of_both":
        other = read_wav(SAMPLES / "es.wav")
        pcm[: len(other)] += other
    found = nets.real().segmentation.log_probabilities(pcm)[0, ::20]
    np.testing.assert_allclose(np.exp(found), np.exp(GOLDEN[name]), atol=1e-3)
