"""A checkpoint with 128 mel features, as large-v3 has: both libraries say the same of it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("openvino")

from auricle.engine.ct2 import Whisper
from auricle.engine.openvino.whisper import OpenVinoWhisper
from auricle.engine.protocol import (
    AlignJob,
    DecodeJob,
    DecodeRow,
    DetectJob,
    EncodeJob,
    EncodeRow,
    Hypothesis,
)
from auricle.models.convert import convert
from auricle.models.tensors import read_tensors
from auricle.whisper import prompting
from auricle.whisper.vocabulary import Vocabulary
from tests.models.test_convert import GOLDEN, write_safetensors

N_MELS = 128
CONV1 = "model.encoder.conv1.weight"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The golden checkpoint, with random weights for the features it lacks."""
    made = tmp_path_factory.mktemp("large") / "transformers"
    shutil.copytree(GOLDEN, made)
    config = json.loads((made / "config.json").read_text())
    (made / "config.json").write_text(json.dumps(config | {"num_mel_bins": N_MELS}))
    tensors = {name: np.asarray(tensor) for name, tensor in read_tensors(GOLDEN).items()}
    width = tensors[CONV1].shape[0]
    kernel = np.random.default_rng(5).normal(0, 0.1, (width, N_MELS, 3))
    write_safetensors(made / "model.safetensors", tensors | {CONV1: kernel.astype(np.float32)})
    converted = made.parent / "converted"
    convert(made, converted)
    return converted


def test_128_mel_features_are_heard_alike(folder):
    vocabulary = Vocabulary.load(folder)
    pcm = np.random.default_rng(7).normal(0, 0.1, 3 * 16_000).astype(np.float32)
    start = prompting.start(vocabulary, "transcribe", "en")
    answers = []
    for model in (
        OpenVinoWhisper(folder, "float32", 1, None),
        Whisper(folder, "cpu", "float32", 1),
    ):
        assert model.info.n_mels == N_MELS
        model.encode(EncodeJob((EncodeRow(1, pcm.tobytes()),), 800))
        [said] = (
            each
            for each in model.decode(DecodeJob((DecodeRow(1, start),), 1, 0.0, max_new_tokens=20))
            if isinstance(each, Hypothesis)
        )
        text = tuple(i for i in said.ids if i < vocabulary.eot)
        aligned = model.align(AlignJob(1, start, text, n_frames=300))
        answers.append((said, aligned, model.detect_language(DetectJob(1)).languages))
    (said, aligned, languages), (other, expected, detected) = answers
    assert len(said.ids) > 5
    assert said.ids == other.ids
    assert said.no_speech_prob == pytest.approx(other.no_speech_prob, abs=1e-3)
    # random attention has several ways that are nearly as plausible
    assert (aligned.path[0], aligned.path[-1]) == (expected.path[0], expected.path[-1])
    assert aligned.probabilities == pytest.approx(expected.probabilities, abs=1e-3)
    assert dict(languages) == pytest.approx(dict(detected), abs=1e-3)
