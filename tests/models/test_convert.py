"""Transformers folders become CTranslate2 folders with the same values and the same answers."""

from __future__ import annotations

import json
import re
import shutil
import struct
import wave
from pathlib import Path

import ctranslate2
import numpy as np
import pytest

from auricle.errors import ModelUnusable
from auricle.models.checkpoint import inspect
from auricle.models.convert import convert
from auricle.models.fetch import FetchOptions, locate
from auricle.models.tensors import read_tensors
from auricle.settings.config import Settings
from auricle.whisper.vocabulary import Vocabulary

GOLDEN = Path(__file__).parent / "golden"
SAMPLE = Path(__file__).parents[2] / "samples" / "jfk.wav"
QKV = ("q_proj", "k_proj", "v_proj")
DTYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    target = tmp_path_factory.mktemp("golden") / "converted"
    convert(GOLDEN, target)
    return target


def test_the_golden_checkpoint_is_whole(converted):
    checkpoint = inspect(converted, "golden")
    assert (checkpoint.n_mels, checkpoint.width, checkpoint.vocab_size) == (80, 32, 1776)
    assert checkpoint.languages == ("en", "zh", "de")
    assert checkpoint.translates
    vocabulary = Vocabulary.load(converted)
    assert vocabulary.eot == 264
    assert vocabulary.decode(vocabulary.encode(" the Öl, and")) == " the Öl, and"
    assert vocabulary.tokens[vocabulary.first_timestamp] == "<|0.00|>"
    assert vocabulary.tokens[-1] == "<|30.00|>"
    assert json.loads((converted / "config.json").read_text()) == {
        "alignment_heads": [[1, 0], [1, 1]],
        "lang_ids": [266, 267, 268],
        "suppress_ids": [1, 2, 265],
        "suppress_ids_begin": [5, 264],
    }


def test_same_encoder_states_and_logits_as_transformers(converted):
    golden = np.load(GOLDEN / "golden.npz")
    model = ctranslate2.models.Whisper(str(converted), device="cpu", compute_type="float32")
    features = np.zeros((1, 80, 3000), dtype=np.float32)
    features[0, :, : golden["features"].shape[1]] = golden["features"]
    states = model.encode(ctranslate2.StorageView.from_array(features))
    assert np.allclose(np.array(states)[0, ::100], golden["states"], atol=2e-4)
    (result,) = model.generate(
        states,
        [golden["prompt"].tolist()],
        beam_size=1,
        max_length=8,
        suppress_blank=False,
        suppress_tokens=[],
        return_logits_vocab=True,
    )
    logits = np.array(result.logits[0][0])
    assert np.allclose(logits, golden["logits"], atol=2e-3)
    assert logits.argmax() == golden["logits"].argmax()


def test_without_generation_config_and_tokenizer_json(tmp_path):
    """Old fine-tunes keep the token lists in config.json, and the vocabulary in two files."""
    source = tmp_path / "old"
    shutil.copytree(GOLDEN, source)
    (source / "generation_config.json").unlink()
    config = json.loads((source / "config.json").read_text())
    config |= {"suppress_tokens": [3], "begin_suppress_tokens": [4]}
    (source / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    (source / "tokenizer.json").unlink()
    (source / "vocab.json").write_text(json.dumps(tokenizer["model"]["vocab"]))
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    (source / "added_tokens.json").write_text(json.dumps(added))
    convert(source, tmp_path / "new")
    assert json.loads((tmp_path / "new" / "config.json").read_text()) == {
        "alignment_heads": [[1, 0], [1, 1]],
        "lang_ids": [266, 267, 268],
        "suppress_ids": [3],
        "suppress_ids_begin": [4],
    }
    assert Vocabulary.load(tmp_path / "new").encode(" the") == [258]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "wav2vec2"}, "is a 'wav2vec2' model"),
        ({"activation_function": "relu"}, "changed Whisper architecture"),
        ({"decoder_layers": 3}, r"lack the tensor decoder\.layers\.2\."),
        ({"vocab_size": 5000}, "has size 5000"),
    ],
)
def test_refused_configurations(tmp_path, change, message):
    source = tmp_path / "odd"
    shutil.copytree(GOLDEN, source)
    config = json.loads((source / "config.json").read_text()) | change
    (source / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelUnusable, match=message):
        convert(source, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_locate_converts_a_local_folder_once(tmp_path):
    fetching = FetchOptions(cache=tmp_path / "cache", offline=True, environ={})
    first = locate(str(GOLDEN), Settings(), fetching=fetching)
    assert first.languages == ("en", "zh", "de")
    assert first.path.parent == tmp_path / "cache"
    stamp = (first.path / "model.bin").stat().st_mtime_ns
    again = locate(str(GOLDEN), Settings(), fetching=fetching)
    assert again == first
    assert (again.path / "model.bin").stat().st_mtime_ns == stamp


def test_locate_says_why_a_folder_cannot_be_converted(tmp_path):
    source = tmp_path / "cut"
    shutil.copytree(GOLDEN, source)
    weights = source / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    fetching = FetchOptions(cache=tmp_path / "cache", offline=True, environ={})
    with pytest.raises(ModelUnusable, match=r"model\.safetensors is damaged or cut short"):
        locate(str(source), Settings(), fetching=fetching)


@pytest.mark.parametrize("nested", [b"[", b'{"a":'])
def test_weights_that_begin_too_deeply_nested_are_damaged(tmp_path: Path, nested: bytes):
    """They were taken for a fault of ours."""
    source = tmp_path / "nested"
    shutil.copytree(GOLDEN, source)
    header = b'{"a":' + nested * 50_000
    (source / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    fetching = FetchOptions(cache=tmp_path / "cache", offline=True, environ={})
    with pytest.raises(ModelUnusable, match=r"model\.safetensors is damaged or cut short"):
        locate(str(source), Settings(), fetching=fetching)


@pytest.mark.model
@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_round_trip_keeps_every_byte_and_every_token(name, tmp_path):
    original = locate(name, Settings()).path
    to_transformers(original, tmp_path / "transformers")
    convert(tmp_path / "transformers", tmp_path / "back")
    before, after = read_model(original), read_model(tmp_path / "back")
    assert {
        key for key in set(before) ^ set(after) if before.get(key, after.get(key)).ndim
    } == set()
    for key, value in before.items():
        assert value.dtype == after[key].dtype
        assert value.tobytes() == after[key].tobytes(), key
    ours, theirs = (
        json.loads((f / "config.json").read_text()) for f in (tmp_path / "back", original)
    )
    assert ours["alignment_heads"] == theirs["alignment_heads"]
    assert ours["suppress_ids"] == theirs["suppress_ids"]
    assert Vocabulary.load(tmp_path / "back").tokens == Vocabulary.load(original).tokens
    assert "ask not what your country can do for you" in transcript(tmp_path / "back")


def read_model(folder):
    """Every variable of a model.bin by name, aliases resolved."""
    data = (folder / "model.bin").read_bytes()
    at = 0

    def unpack(layout):
        nonlocal at
        values = struct.unpack_from(layout, data, at)
        at += struct.calcsize(layout)
        return values

    def string():
        nonlocal at
        (length,) = unpack("<H")
        at += length
        return data[at - length : at - 1].decode()

    unpack("<I")
    string()
    _, count = unpack("<II")
    variables = {}
    for _ in range(count):
        name = string()
        shape = unpack(f"<{unpack('<B')[0]}I")
        dtype, n_bytes = unpack("<BI")
        variables[name] = np.frombuffer(
            data, DTYPES[dtype], offset=at, count=n_bytes // np.dtype(DTYPES[dtype]).itemsize
        ).reshape(shape)
        at += n_bytes
    for _ in range(unpack("<I")[0]):
        alias, target = string(), string()
        variables[alias] = variables[target]
    return variables


class Layout:
    """A CTranslate2 model's weights under the names Transformers gives them."""

    def __init__(self, weights):
        self.weights = weights
        self.tensors = {}

    def layers(self, side):
        names = (re.match(rf"{side}/layer_(\d+)/", name) for name in self.weights)
        return 1 + max(int(match[1]) for match in names if match)

    def linear(self, ours, theirs, kinds=("",)):
        fused = (self.weights[f"{ours}/weight"], self.weights[f"{ours}/bias"])
        split = (np.split(values, len(kinds)) for values in fused)
        for kind, weight, bias in zip(kinds, *split, strict=True):
            self.tensors[f"{theirs}{kind}.weight"] = weight
            if kind == "k_proj":  # Whisper's keys have no bias
                assert not bias.any()
            else:
                self.tensors[f"{theirs}{kind}.bias"] = bias

    def norm(self, ours, theirs):
        self.tensors[f"{theirs}.weight"] = self.weights[f"{ours}/gamma"]
        self.tensors[f"{theirs}.bias"] = self.weights[f"{ours}/beta"]

    def side(self, side):
        positions = self.weights[f"{side}/position_encodings/encodings"]
        self.tensors[f"model.{side}.embed_positions.weight"] = positions
        self.norm(f"{side}/layer_norm", f"model.{side}.layer_norm")
        for i in range(self.layers(side)):
            self.layer(f"{side}/layer_{i}", f"model.{side}.layers.{i}")

    def layer(self, ours, theirs):
        attention = f"{theirs}.self_attn"
        self.linear(f"{ours}/self_attention/linear_0", f"{attention}.", QKV)
        self.linear(f"{ours}/self_attention/linear_1", f"{attention}.out_proj")
        self.norm(f"{ours}/self_attention/layer_norm", f"{attention}_layer_norm")
        self.linear(f"{ours}/ffn/linear_0", f"{theirs}.fc1")
        self.linear(f"{ours}/ffn/linear_1", f"{theirs}.fc2")
        self.norm(f"{ours}/ffn/layer_norm", f"{theirs}.final_layer_norm")
        if ours.startswith("decoder"):
            attention = f"{theirs}.encoder_attn"
            self.linear(f"{ours}/attention/linear_0", f"{attention}.q_proj")
            self.linear(f"{ours}/attention/linear_1", f"{attention}.", QKV[1:])
            self.linear(f"{ours}/attention/linear_2", f"{attention}.out_proj")
            self.norm(f"{ours}/attention/layer_norm", f"{attention}_layer_norm")


def to_transformers(folder, target):
    """The reverse of the converter: a CTranslate2 folder in the layout Transformers saves."""
    weights = read_model(folder)
    layout = Layout(weights)
    layout.side("encoder")
    layout.side("decoder")
    layout.linear("encoder/conv1", "model.encoder.conv1")
    layout.linear("encoder/conv2", "model.encoder.conv2")
    layout.tensors["model.decoder.embed_tokens.weight"] = weights["decoder/embeddings/weight"]
    target.mkdir()
    write_safetensors(target / "model.safetensors", layout.tensors)
    old = json.loads((folder / "config.json").read_text())
    config = {
        "model_type": "whisper",
        "vocab_size": len(weights["decoder/embeddings/weight"]),
        "encoder_layers": layout.layers("encoder"),
        "decoder_layers": layout.layers("decoder"),
        "encoder_attention_heads": int(weights["encoder/num_heads"]),
        "decoder_attention_heads": int(weights["decoder/num_heads"]),
    }
    generation = {
        "alignment_heads": old["alignment_heads"],
        "suppress_tokens": old["suppress_ids"],
        "begin_suppress_tokens": old["suppress_ids_begin"],
    }
    (target / "config.json").write_text(json.dumps(config))
    (target / "generation_config.json").write_text(json.dumps(generation))
    shutil.copy(folder / "tokenizer.json", target)


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, tensor in tensors.items():
        kind = {2: "F16", 4: "F32"}[tensor.dtype.itemsize]
        header[name] = {
            "dtype": kind,
            "shape": tensor.shape,
            "data_offsets": [at, at + tensor.nbytes],
        }
        at += tensor.nbytes
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            out.write(tensor.tobytes())


def transcript(folder):
    """Greedy, without timestamps, of the sample's 11 s."""
    with wave.open(str(SAMPLE)) as sound:
        pcm = np.frombuffer(sound.readframes(sound.getnframes()), np.int16) / 32768.0
    features = ctranslate2.StorageView.from_array(log_mel(pcm)[None, :, :1500].astype(np.float32))
    model = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="int8")
    vocabulary = Vocabulary.load(folder)
    task = [vocabulary.languages["en"], vocabulary.transcribe] if vocabulary.multilingual else []
    prompt = [vocabulary.sot, *task, vocabulary.no_timestamps]
    (result,) = model.generate(features, [prompt], beam_size=1)
    return vocabulary.decode(result.sequences_ids[0])


def log_mel(pcm, n_mels=80):
    """Whisper's features of one padded window, ``(n_mels, 3000)``."""
    padded = np.pad(np.pad(pcm, (0, 480_000 - len(pcm))), 200, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160][:3000]
    power = np.abs(np.fft.rfft(frames * np.hanning(401)[:-1])) ** 2
    top = 15 + np.log(8000 / 1000) / (np.log(6.4) / 27)
    mels = np.linspace(0, top, n_mels + 2)
    hertz = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))
    ramps = hertz[:, None] - np.fft.rfftfreq(400, 1 / 16000)
    width = np.diff(hertz)[:, None]
    filters = np.maximum(0, np.minimum(-ramps[:-2] / width[:-1], ramps[2:] / width[1:]))
    filters *= 2 / (hertz[2:] - hertz[:-2])[:, None]
    log = np.log10(np.maximum(filters @ power.T, 1e-10))
    return (np.maximum(log, log.max() - 8) + 4) / 4


def test_shards_and_bfloat16_become_exact_float32(tmp_path):
    whole: dict[str, np.ndarray] = {
        "a": np.array([[1.5, -2.0]], np.float16),
        "b": np.array([0.25], np.float32),
    }
    write_safetensors(tmp_path / "model-00001-of-00002.safetensors", {"a": whole["a"]})
    header = json.dumps({"b": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    bf16 = struct.pack("<Q", len(header)) + header + struct.pack("<f", 0.25)[2:]
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(bf16)
    index = {
        "weight_map": {
            name: f"model-0000{i}-of-00002.safetensors" for i, name in ((1, "a"), (2, "b"))
        }
    }
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    tensors = read_tensors(tmp_path)
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {
        name: tensor.tolist() for name, tensor in whole.items()
    }
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype("float32")}


def test_half_precision_stays_half(tmp_path):
    write_safetensors(tmp_path / "model.safetensors", {"a": np.array([0.1], np.float16)})
    assert read_tensors(tmp_path)["a"].dtype == np.float16


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short"),
        (b"\xff" * 64, "not a safetensors file"),
        (struct.pack("<Q", 2) + b"[]", "damaged or cut short"),
        (
            struct.pack("<Q", 53) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,9]}}',
            "damaged or cut short",
        ),
        (
            struct.pack("<Q", 53) + b'{"a":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}',
            "the tensor a has type I64",
        ),
    ],
)
def test_damaged_safetensors(tmp_path, content, message):
    if b"data_offsets" in content:
        content = struct.pack("<Q", len(content) - 8) + content[8:] + b"\0"
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelUnusable, match=message):
        read_tensors(tmp_path)


def test_index_may_not_lead_outside(tmp_path):
    index = {"weight_map": {"a": "../secret"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelUnusable, match="outside its folder"):
        read_tensors(tmp_path)


def test_a_tokenizer_that_is_no_utf8(tmp_path):
    """It ended with a traceback."""
    source = Path(shutil.copytree(GOLDEN, tmp_path / "source"))
    (source / "tokenizer.json").write_bytes(b'{"model": {"vocab": {"\xff": 1}}}')
    with pytest.raises(ModelUnusable, match=r"cannot read .*tokenizer\.json"):
        convert(source, tmp_path / "target")
