"""Who has finished is told from who only pauses, as other runtimes tell it."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.errors import ModelUnusable
from auricle.turn_taking.network import FILE, EndOfTurn
from auricle.types import SAMPLE_RATE
from tests.audio_files import SAMPLES, read_wav
from tests.turn_taking.folders import real

pytestmark = pytest.mark.model

PAUSES = [
    ("es.wav", 5.0, 0.0100, 0.0206),
    ("jfk.wav", 3.0, 0.9866, 0.9381),
    ("jfk.wav", 4.2, 0.0084, 0.0088),
    ("jfk.wav", 5.0, 0.0662, 0.0353),
    ("jfk.wav", 11.0, 0.9451, 0.8548),
]
"""A sample up to a time, what comes out here, and of ONNX Runtime 1.32 with pipecat's features.
That rounds to 8 bits between layers; without its optimisations it says 0.77 of the last."""


@pytest.mark.parametrize(("name", "end_s", "expected", "of_onnx_runtime"), PAUSES)
def test_pauses(name, end_s, expected, of_onnx_runtime):
    found = real().probability(read_wav(SAMPLES / name)[: round(end_s * SAMPLE_RATE)])
    assert found == pytest.approx(expected, abs=2e-3)
    assert found == pytest.approx(of_onnx_runtime, abs=0.1)


def test_only_the_last_eight_seconds_are_heard():
    pcm = read_wav(SAMPLES / "jfk.wav")
    assert real().probability(pcm) == real().probability(pcm[-8 * SAMPLE_RATE :])


@pytest.mark.parametrize("n_samples", [0, 399])
def test_next_to_nothing_has_a_probability(n_samples):
    assert 0 <= real().probability(np.zeros(n_samples, np.float32)) <= 1


def test_a_file_that_is_another_network(tmp_path):
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(ModelUnusable, match=r"onnx is not the network expected: 'inner\.encoder"):
        EndOfTurn.load(tmp_path)
