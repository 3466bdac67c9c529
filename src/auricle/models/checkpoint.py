"""Look at a model folder without loading it: is it whole, is it Whisper, what are its dimensions.

Knows nothing about where the folder came from or which engine will run it.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from auricle.errors import ModelUnusable, printable
from auricle.models import registry
from auricle.whisper.vocabulary import Vocabulary

WEIGHTS = "model.bin"
CONFIG = "config.json"
SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")

_SPEC = "WhisperSpec"
_FORMAT_VERSIONS = range(4, 7)
_MAX_VARIABLES = 100_000  # large-v3 has 1,263; a larger number is not a model
_MAX_RANK = 8


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model folder that was looked at and found whole."""

    name: str
    """The registered id, or the hub id or folder name of a model nobody registered."""
    path: Path
    n_mels: int
    vocab_size: int
    width: int
    multilingual: bool
    """Whether its prompts carry language and task tokens."""
    english_only: bool
    translates: bool
    languages: tuple[str, ...]
    """Codes it was trained on, in the order of its tokens; ``("en",)`` when English only."""
    margin_s: float = registry.DEFAULT_MARGIN_S
    """Seconds of silence it needs behind the audio of a window shorter than 30 s."""
    aligns: bool = True
    """Whether its config.json names the attention heads that words are aligned by."""
    late_s: float | None = None
    """How late these are at words, besides being early; None: nobody measured it."""
    vocabulary: Vocabulary = field(repr=False, compare=False, kw_only=True)


def inspect(path: Path, name: str | None = None) -> Checkpoint:
    """Check the CTranslate2 folder ``path`` and read its dimensions; takes milliseconds.

    ``name`` is the model it is known to be. Without it the facts come from the files alone, which
    cannot tell a distilled English-only model from a multilingual one.

    Raises:
        ModelUnusable: naming the file and what is wrong with it.
    """
    if folder_kind(path) == "transformers":
        raise ModelUnusable(f"{path} holds Transformers weights, which must be converted first")
    _read_json(path / CONFIG)
    shapes = _read_shapes(path / WEIGHTS)
    try:
        width, n_mels = shapes["encoder/conv1/weight"][:2]
        vocab_size = shapes["decoder/embeddings/weight"][0]
    except (KeyError, ValueError, IndexError) as exc:
        raise ModelUnusable(f"{path / WEIGHTS} lacks a Whisper encoder or decoder") from exc
    vocabulary = Vocabulary.load(path)
    if len(vocabulary.tokens) != vocab_size:
        raise ModelUnusable(
            f"the vocabulary in {path} has {len(vocabulary.tokens)} tokens, "
            f"{WEIGHTS} wants {vocab_size}"
        )
    heads = alignment_heads(path)
    known = registry.resolve(name) if name else None
    english_only = known.english_only if known else not vocabulary.multilingual
    return Checkpoint(
        name=known.id if known else name or printable(path.resolve().name),
        path=path,
        n_mels=n_mels,
        vocab_size=vocab_size,
        width=width,
        multilingual=vocabulary.multilingual,
        english_only=english_only,
        translates=known.translates if known else vocabulary.multilingual,
        languages=("en",) if english_only else tuple(vocabulary.languages),
        margin_s=known.margin_s if known else registry.DEFAULT_MARGIN_S,
        aligns=bool(heads),
        late_s=registry.lateness_s(heads),
        vocabulary=vocabulary,
    )


def alignment_heads(path: Path) -> list[tuple[int, int]]:
    """The ``(layer, head)`` pairs of the decoder by whose attention words are found in the audio;
    none when the folder's config.json does not name them, as in folders converted before 2023.

    Raises:
        ModelUnusable: config.json is missing or damaged.
    """
    try:
        found: list[tuple[int, int]] | None = msgspec.convert(
            _read_json(path / CONFIG).get("alignment_heads"), list[tuple[int, int]] | None
        )
    except msgspec.ValidationError as exc:
        raise ModelUnusable(f"{path / CONFIG}: alignment_heads: {exc}") from exc
    return found or []


def folder_kind(path: Path) -> Literal["ctranslate2", "transformers"]:
    """What is in a folder, by its file names.

    Raises:
        ModelUnusable: the folder is missing, or holds something else entirely.
    """
    if path.is_file():
        raise ModelUnusable(f"{path} is {_describe(path)}; give the folder of a CTranslate2 model")
    if not path.is_dir():
        raise ModelUnusable(f"the model folder {path} does not exist")
    if (path / WEIGHTS).is_file():
        return "ctranslate2"
    if any((path / name).is_file() for name in SAFETENSORS):
        kind = _read_json(path / CONFIG).get("model_type")
        if kind != "whisper":
            raise ModelUnusable(f"{path / CONFIG} says model_type is {kind!r}, not 'whisper'")
        return "transformers"
    others = sorted(
        (file for file in path.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".onnx")),
        key=lambda file: file.name,
    )
    found = f"; {others[0].name} is {_describe(others[0])}" if others else ""
    raise ModelUnusable(f"{path} has no {WEIGHTS} and no {SAFETENSORS[0]}{found}")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError as exc:
        raise ModelUnusable(f"{path} is missing") from exc
    except (OSError, msgspec.DecodeError) as exc:
        raise ModelUnusable(f"cannot read {path}: {exc}") from exc


def _describe(path: Path) -> str:
    """What a file with weights in a foreign format is."""
    with path.open("rb") as file:
        start = file.read(4)
    if start in (b"lmgg", b"GGUF"):
        return "a whisper.cpp (ggml) file"
    if start[:2] == b"PK" or start[:1] == b"\x80":
        return "a PyTorch file"
    return "not a CTranslate2 model"


def _read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every variable in a CTranslate2 ``model.bin``, whose length must add up."""
    size = path.stat().st_size
    if size == 0:
        raise ModelUnusable(f"{path} is empty")
    try:
        with path.open("rb") as file:
            return _walk(file, path, size)
    except (struct.error, UnicodeDecodeError) as exc:
        raise ModelUnusable(f"{path} is cut short or damaged ({size:,} bytes)") from exc
    except OSError as exc:
        raise ModelUnusable(f"cannot read {path}: {exc.strerror}") from exc


def _walk(file: BinaryIO, path: Path, size: int) -> dict[str, tuple[int, ...]]:
    (version,) = _unpack(file, "<I")
    if version not in _FORMAT_VERSIONS:
        raise ModelUnusable(
            f"{path} is {_describe(path)}, or of a format version this Auricle does not know"
        )
    spec = _string(file)
    if spec != _SPEC:
        raise ModelUnusable(f"{path} is a {spec} model, not a {_SPEC}")
    _revision, n_variables = _unpack(file, "<II")
    if n_variables > _MAX_VARIABLES:
        raise ModelUnusable(f"{path} is damaged: its header announces {n_variables:,} variables")
    shapes = {}
    for _ in range(n_variables):
        name = _string(file)
        (rank,) = _unpack(file, "<B")
        if rank > _MAX_RANK:
            raise ModelUnusable(f"{path} is damaged: {name} has {rank} dimensions")
        shapes[name] = _unpack(file, f"<{rank}I")
        _dtype, n_bytes = _unpack(file, "<BI")
        end = file.seek(n_bytes, os.SEEK_CUR)
        if end > size:
            raise ModelUnusable(
                f"{path} is cut short: it has {size:,} bytes, and {name} alone ends at {end:,}"
            )
    (n_aliases,) = _unpack(file, "<I")
    for _ in range(2 * min(n_aliases, _MAX_VARIABLES)):
        _string(file)
    if file.tell() != size:
        raise ModelUnusable(
            f"{path} has {size:,} bytes, its header accounts for {file.tell():,}: it is damaged"
        )
    return shapes


def _unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<H")  # counts the closing NUL
    (text,) = struct.unpack(f"{length}s", file.read(length))
    return str(text[:-1], "utf-8")


def weights_bytes(path: Path) -> int:
    """Size of the weights in a model's folder, as stored."""
    return (path / WEIGHTS).stat().st_size
