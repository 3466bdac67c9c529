"""Weights come back as the numbers that they stand for, however they are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ctranslate2.specs import WhisperSpec

from auricle.errors import ModelUnusable
from auricle.models import model_bin
from auricle.models.convert import convert
from auricle.models.tensors import read_tensors
from auricle.models.weights import Weights
from tests.models.test_convert import GOLDEN


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    target: Path = tmp_path_factory.mktemp("golden") / "converted"
    convert(GOLDEN, target)
    return target


def test_weights_are_those_that_were_converted(folder: Path):
    weights, stored = Weights(folder / "model.bin"), read_tensors(GOLDEN)
    embeddings = weights["decoder/embeddings/weight"]
    assert embeddings.dtype == np.float32
    np.testing.assert_array_equal(embeddings, stored["model.decoder.embed_tokens.weight"])
    q_k_v = [stored[f"model.encoder.layers.0.self_attn.{x}_proj.weight"] for x in "qkv"]
    name = "encoder/layer_0/self_attention/linear_0/weight"
    np.testing.assert_array_equal(weights[name], np.concatenate(q_k_v))
    assert (weights.layers("encoder"), weights.layers("decoder")) == (2, 2)
    assert weights.number("decoder/num_heads") == 2
    assert name in weights
    assert "something else" not in weights


@pytest.mark.parametrize(
    ("kind", "step"),
    [("float32", 0), ("int8", 1 / 127), ("int8_float16", 1 / 127), ("int16", 1e-3)],
)
def test_weights_stored_in_fewer_bits(folder: Path, tmp_path: Path, monkeypatch, kind, step):
    """Patched, because nothing of ours stores them so; folders of others do."""
    optimize = WhisperSpec.optimize
    monkeypatch.setattr(WhisperSpec, "optimize", lambda spec: optimize(spec, quantization=kind))
    convert(GOLDEN, tmp_path / "small")
    exact, stored = Weights(folder / "model.bin"), Weights(tmp_path / "small" / "model.bin")
    for name in ("encoder/layer_0/ffn/linear_0/weight", "decoder/embeddings/weight"):
        most = np.abs(exact[name]).max()
        assert np.abs(stored[name] - exact[name]).max() <= step * most
    norm = "encoder/layer_0/ffn/layer_norm/gamma"
    np.testing.assert_allclose(stored[norm], exact[norm], rtol=1e-3)


def test_what_is_not_there_is_named(folder: Path):
    with pytest.raises(ModelUnusable, match=r"model\.bin lacks the variable decoder/nothing"):
        Weights(folder / "model.bin")["decoder/nothing"]


def test_weights_that_are_no_numbers_are_damage(folder: Path, tmp_path: Path):
    """One in a norm of the decoder came out of 8 bits as a number, and some words as others."""
    name, damaged = "decoder/layer_norm/gamma", tmp_path / "model.bin"
    damaged.write_bytes((folder / "model.bin").read_bytes())
    place = model_bin.variables(damaged)[name]
    with damaged.open("r+b") as file:
        file.seek(place.offset)
        file.write(np.float16("nan").tobytes())  # as which they are stored
    weights = Weights(damaged)
    with pytest.raises(ModelUnusable, match=f"{name} holds values that are no numbers"):
        weights[name]
    assert weights.shape(name) == place.shape
