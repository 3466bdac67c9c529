"""The numpy port answers what the original network answered, however the audio is cut up."""

import wave
from pathlib import Path

import numpy as np
import pytest

from auricle.speech.vad import FRAME, SpeechDetector, VadState
from auricle.types import Pcm

HERE = Path(__file__).parent
DETECTOR = SpeechDetector()


def recording(name: str) -> Pcm:
    """The same inputs as ``record_vad_golden.py`` gave to the original."""
    with wave.open(str(HERE.parent.parent / "samples/jfk.wav")) as file:
        stored = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    jfk = stored.astype(np.float32) / np.float32(32768)
    if name == "silence":
        return np.zeros(64_000, np.float32)
    if name == "noise":
        return np.random.default_rng(1).standard_normal(64_000).astype(np.float32) * 0.1
    if name == "noisy_jfk":
        noisy = jfk + np.random.default_rng(2).standard_normal(len(jfk)) * 0.05
        return noisy.astype(np.float32)
    return jfk


def whole(pcm: Pcm) -> Pcm:
    found, state = DETECTOR.probabilities(pcm, VadState.initial())
    return np.concatenate([found, DETECTOR.finish(state)[0]])


@pytest.mark.parametrize("name", ["jfk", "silence", "noise", "noisy_jfk"])
def test_equals_the_original_network(name):
    with np.load(HERE / "golden_vad.npz") as golden:
        expected = golden[name]
    found = whole(recording(name))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-2)
    np.testing.assert_array_equal(found >= 0.5, expected >= 0.5)


@pytest.mark.parametrize("size", [160, 512, 700, 16_000])
def test_answers_do_not_depend_on_how_a_stream_is_cut(size):
    pcm = recording("jfk")[:40_000]
    state = VadState.initial()
    parts = []
    for start in range(0, len(pcm), size):
        found, state = DETECTOR.probabilities(pcm[start : start + size], state)
        parts.append(found)
    parts.append(DETECTOR.finish(state)[0])
    np.testing.assert_allclose(np.concatenate(parts), whole(pcm), atol=1e-5)


def test_streams_in_a_batch_do_not_touch_each_other():
    batch = np.stack([recording(name)[:32_000] for name in ("jfk", "silence", "noise")])
    together, state = DETECTOR.probabilities(batch, VadState.initial(3))
    assert together.shape == (3, 32_000 // FRAME)
    assert state.rest.shape == (3, 32_000 % FRAME)
    for row, pcm in zip(together, batch, strict=True):
        alone, _ = DETECTOR.probabilities(pcm, VadState.initial())
        np.testing.assert_allclose(row, alone, atol=1e-5)


def test_a_whole_number_of_frames_leaves_nothing_to_finish():
    found, state = DETECTOR.probabilities(np.zeros(FRAME * 3, np.float32), VadState.initial())
    assert found.shape == (3,)
    assert DETECTOR.finish(state).shape == (1, 0)


def test_a_stream_shorter_than_a_frame_has_one_probability():
    assert whole(np.zeros(100, np.float32)).shape == (1,)
