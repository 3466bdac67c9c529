"""What is said about folders that are whole, broken, or something else."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from auricle.errors import ModelUnusable
from auricle.models.checkpoint import Checkpoint, folder_kind, inspect
from auricle.models.convert import convert
from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper.vocabulary import Vocabulary

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    target = tmp_path_factory.mktemp("checkpoint") / "mine"
    convert(GOLDEN, target)
    return target


@pytest.fixture
def folder(converted, tmp_path):
    return Path(shutil.copytree(converted, tmp_path / "mine"))


def test_facts_of_a_folder_nobody_registered(folder):
    assert inspect(folder) == Checkpoint(
        name="mine",
        path=folder,
        n_mels=80,
        vocab_size=1776,
        width=32,
        multilingual=True,
        english_only=False,
        translates=True,
        languages=("en", "zh", "de"),
        vocabulary=Vocabulary.load(folder),
    )


def test_a_known_name_knows_more_than_the_files(folder):
    """distil-large files have a multilingual vocabulary, yet the model knows English alone."""
    checkpoint = inspect(folder, "distil-large-v3")
    assert checkpoint.english_only
    assert checkpoint.multilingual
    assert not checkpoint.translates
    assert checkpoint.languages == ("en",)
    turbo = inspect(folder, "Systran/faster-whisper-large-v3-turbo")
    assert (turbo.name, turbo.translates, turbo.english_only) == ("large-v3-turbo", False, False)


def damaged(folder: Path, content: bytes) -> Path:
    (folder / "model.bin").write_bytes(content)
    return folder


def test_every_truncation_is_noticed(folder):
    whole = (folder / "model.bin").read_bytes()
    for length in [1, 3, 4, 7, 17, 30, 1000, 100_000, len(whole) - 60, len(whole) - 1]:
        with pytest.raises(ModelUnusable, match=r"model\.bin (is cut short|has [\d,]+ bytes)"):
            inspect(damaged(folder, whole[:length]))
    with pytest.raises(ModelUnusable, match="header accounts for"):
        inspect(damaged(folder, whole + b"x"))


def _string(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def _header(spec: str, count: int, version: int = 6) -> bytes:
    return struct.pack("<I", version) + _string(spec) + struct.pack("<II", 3, count)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"lmgg" + bytes(100), r"is a whisper\.cpp \(ggml\) file"),
        (b"GGUF" + bytes(100), r"is a whisper\.cpp \(ggml\) file"),
        (b"PK\x03\x04" + bytes(100), "is a PyTorch file"),
        (b"\x80\x02" + bytes(100), "is a PyTorch file"),
        (_header("WhisperSpec", 0, version=99), "a format version this Auricle does not know"),
        (_header("TransformerSpec", 0), "is a TransformerSpec model, not a WhisperSpec"),
        (_header("WhisperSpec", 10**9), "announces 1,000,000,000 variables"),
        (_header("WhisperSpec", 1) + _string("x") + b"\xff", "x has 255 dimensions"),
        (_header("WhisperSpec", 0) + bytes(4), "lacks a Whisper encoder or decoder"),
    ],
)
def test_other_files_named_model_bin(folder, content, message):
    with pytest.raises(ModelUnusable, match=message):
        inspect(damaged(folder, content))


def test_missing_folder_and_files(folder, tmp_path):
    with pytest.raises(ModelUnusable, match=r"the model folder .*nowhere does not exist"):
        inspect(tmp_path / "nowhere")
    (folder / "vocabulary.json").unlink()
    with pytest.raises(ModelUnusable, match=r"has no vocabulary\.json or vocabulary\.txt"):
        inspect(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelUnusable, match=r"cannot read .*config\.json"):
        inspect(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelUnusable, match=r"config\.json is missing"):
        inspect(folder)
    (folder / "model.bin").unlink()
    with pytest.raises(ModelUnusable, match=r"has no model\.bin and no model\.safetensors$"):
        inspect(folder)


def test_vocabulary_of_another_model(folder):
    (folder / "vocabulary.json").unlink()
    tokens = inspect_tokens(folder.parent)
    (folder / "vocabulary.txt").write_text("\n".join(tokens), encoding="utf-8")
    with pytest.raises(ModelUnusable, match=r"has 10 tokens, model\.bin wants 1776"):
        inspect(folder)


def inspect_tokens(_: Path) -> list[str]:
    names = ["endoftext", "startoftranscript", "en", "translate", "transcribe", "startoflm"]
    return ["a", *(f"<|{name}|>" for name in (*names, "startofprev", "nospeech", "notimestamps"))]


def test_kinds_of_folders(folder, tmp_path):
    assert folder_kind(folder) == "ctranslate2"
    assert folder_kind(GOLDEN) == "transformers"
    with pytest.raises(ModelUnusable, match="Transformers weights, which must be converted first"):
        inspect(GOLDEN)
    other = tmp_path / "bert"
    other.mkdir()
    (other / "model.safetensors").write_bytes(b"")
    (other / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelUnusable, match="says model_type is 'bert', not 'whisper'"):
        folder_kind(other)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ggml-base.bin", b"lmgg", r"ggml-base\.bin is a whisper\.cpp \(ggml\) file"),
        ("base.pt", b"PK\x03\x04", r"base\.pt is a PyTorch file"),
        ("model.onnx", b"\x08", r"model\.onnx is not a CTranslate2 model"),
    ],
)
def test_other_formats_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelUnusable, match=message):
        folder_kind(tmp_path)
    with pytest.raises(ModelUnusable, match=rf"{message}; give the folder"):
        folder_kind(tmp_path / name)


@pytest.mark.model
def test_real_checkpoints():
    tiny, base = locate("tiny.en", Settings()), locate("base", Settings())
    assert (tiny.width, tiny.vocab_size, tiny.multilingual, tiny.languages) == (
        *(384, 51864, False),
        ("en",),
    )
    assert (base.width, base.vocab_size, base.multilingual, len(base.languages)) == (
        *(512, 51865, True),
        99,
    )
