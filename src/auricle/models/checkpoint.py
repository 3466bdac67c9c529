"""Look at a model folder without loading it: is it whole, is it Whisper, what are its dimensions.

Knows nothing about where the folder came from or which engine will run it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from auricle.errors import ModelUnusable, printable
from auricle.models import model_bin, registry
from auricle.models.model_config import CONFIG, read_config, read_json
from auricle.whisper.vocabulary import Vocabulary

WEIGHTS = "model.bin"
SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")

_MEL_BANDS = (80, 128)
"""What Whisper was trained on: all models to large-v2, and those from large-v3 on."""

_LAYER = re.compile(r"decoder/layer_(\d+)/")

_HEAD_WIDTH = 64
"""Of every model OpenAI made."""


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
    config = read_config(path)
    width, n_mels, vocab_size, n_layers, n_heads = _dimensions(path / WEIGHTS)
    vocabulary = Vocabulary.load(path)
    if len(vocabulary.tokens) != vocab_size:
        raise ModelUnusable(
            f"the vocabulary in {path} has {len(vocabulary.tokens)} tokens, "
            f"{WEIGHTS} wants {vocab_size}"
        )
    config.check(path, vocabulary, n_layers=n_layers, n_heads=n_heads)
    heads = config.alignment_heads or []
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


def folder_kind(path: Path) -> Literal["ctranslate2", "transformers"]:
    """What is in a folder, by its file names.

    Raises:
        ModelUnusable: the folder is missing, or holds something else entirely.
    """
    try:
        return _kind(path)
    except OSError as exc:
        raise ModelUnusable(f"cannot read {path}: {exc.strerror}") from exc


def _kind(path: Path) -> Literal["ctranslate2", "transformers"]:
    if path.is_file():
        raise ModelUnusable(
            f"{path} is {model_bin.describe(path)}; give the folder of a CTranslate2 model"
        )
    if not path.is_dir():
        raise ModelUnusable(f"the model folder {path} does not exist")
    if (path / WEIGHTS).is_file():
        return "ctranslate2"
    if any((path / name).is_file() for name in SAFETENSORS):
        kind = read_json(path / CONFIG).get("model_type")
        if kind != "whisper":
            raise ModelUnusable(f"{path / CONFIG} says model_type is {kind!r}, not 'whisper'")
        return "transformers"
    others = sorted(
        (
            file
            for file in path.iterdir()
            if file.suffix in (".bin", ".pt", ".pth", ".onnx") and file.is_file()
        ),
        key=lambda file: file.name,
    )
    found = f"; {others[0].name} is {model_bin.describe(others[0])}" if others else ""
    raise ModelUnusable(f"{path} has no {WEIGHTS} and no {SAFETENSORS[0]}{found}")


def weights_bytes(path: Path) -> int:
    """Size of the weights in a model's folder, as stored."""
    return (path / WEIGHTS).stat().st_size


def _dimensions(path: Path) -> tuple[int, int, int, int, int]:
    """The width, mel bands and vocabulary of the weights in a ``model.bin``, and the layers of its
    decoder and their heads."""
    stored = model_bin.variables(path)
    try:
        width, n_mels = stored["encoder/conv1/weight"].shape[:2]
        vocab_size = stored["decoder/embeddings/weight"].shape[0]
    except (KeyError, ValueError, IndexError) as exc:
        raise ModelUnusable(f"{path} lacks a Whisper encoder or decoder") from exc
    if n_mels not in _MEL_BANDS:
        raise ModelUnusable(f"{path} wants {n_mels} mel bands; Whisper has 80 or 128")
    n_layers = len({found[1] for name in stored if (found := _LAYER.match(name))})
    heads = stored.get("decoder/num_heads")
    n_heads = width // _HEAD_WIDTH if heads is None else model_bin.whole_number(path, heads)
    return width, n_mels, vocab_size, n_layers, n_heads
