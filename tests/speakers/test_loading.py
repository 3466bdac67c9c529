"""The networks on OpenVINO give what they give in numpy, and numpy serves where that fails."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from auricle.errors import ModelUnusable
from auricle.models.pytorch import read_tensors
from auricle.speakers.diarization import EMBEDDING_FILE, Networks
from auricle.speakers.features import fbank
from auricle.speakers.loading import load
from auricle.speakers.segmentation import CHUNK
from tests.audio_files import SAMPLES, read_wav
from tests.speakers import nets

pytestmark = pytest.mark.model

COMPILED = "auricle.speakers.compiled"


@pytest.fixture(scope="module")
def networks() -> Networks:
    pytest.importorskip("openvino")
    return load(nets.folder(), 1)


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    return read_wav(SAMPLES / "jfk.wav")


def test_segmentation_as_in_numpy(networks, pcm):
    """More chunks than the graph takes at a time."""
    found = np.exp(networks.segmentation.log_probabilities(pcm, 1600))
    wanted = np.exp(nets.real().segmentation.log_probabilities(pcm, 1600))
    assert len(found) == (len(pcm) - CHUNK) // 1600 + 1 > 8
    np.testing.assert_allclose(found, wanted, atol=tolerances()[0])


def test_embeddings_as_in_numpy(networks, stretches):
    found = networks.embedding.embed_all(stretches)
    wanted = nets.real().embedding.embed_all(stretches)
    assert (found * wanted).sum(1).min() > 1 - tolerances()[1]
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert networks.embedding.embed_all([]).shape == (0, 192)


def test_the_graph_of_embeddings_is_that_of_numpy(stretches):
    """But for what bfloat16 rounds; so it matters nothing what stands beside a stretch."""
    graph = pytest.importorskip("auricle.speakers.embedding_graph")
    tensors = read_tensors(nets.folder() / EMBEDDING_FILE)
    found = graph.Embedding(tensors, streams=1, precision="f32").embed_all(stretches)
    wanted = nets.real().embedding.embed_all(stretches)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.fixture(scope="module")
def stretches(pcm) -> list[np.ndarray]:
    """More than a line takes, of all lengths."""
    lengths = (300, 12, 299, 87)
    return [fbank(pcm[20_000 + 9_000 * i :])[:n] for i, n in enumerate(lengths)]


def tolerances() -> tuple[float, float]:
    """Of probabilities, and of cosines, by the number format of this machine."""
    return {"f32": (1e-4, 1e-6), "bf16": (0.1, 0.02)}[import_module(COMPILED).precision()]


def test_numpy_where_it_is_not_installed(pcm):
    plain = load(nets.folder(), 1, lambda _: None)
    found = plain.segmentation.log_probabilities(pcm[:CHUNK])
    wanted = nets.real().segmentation.log_probabilities(pcm[:CHUNK])
    np.testing.assert_array_equal(found, wanted)


def test_a_folder_without_networks(tmp_path: Path):
    with pytest.raises(ModelUnusable, match=r"pytorch_model\.bin"):
        load(tmp_path, 1)
