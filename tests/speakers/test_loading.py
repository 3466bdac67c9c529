"""The networks on OpenVINO give what they give in numpy, and numpy serves where that fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auricle.errors import ModelUnusable
from auricle.speakers.diarization import Networks
from auricle.speakers.loading import load
from auricle.speakers.segmentation import CHUNK
from tests.audio_files import SAMPLES, read_wav
from tests.speakers import nets

pytestmark = pytest.mark.model


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
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_numpy_where_it_is_not_installed(pcm):
    plain = load(nets.folder(), 1, lambda _: None)
    found = plain.segmentation.log_probabilities(pcm[:CHUNK])
    wanted = nets.real().segmentation.log_probabilities(pcm[:CHUNK])
    np.testing.assert_array_equal(found, wanted)


def test_a_folder_without_networks(tmp_path: Path):
    with pytest.raises(ModelUnusable, match=r"pytorch_model\.bin"):
        load(tmp_path, 1)
