"""The fields of a request as keyword arguments, and how they are written in a form.

Knows nothing about which of them a server takes: that is the server's to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypedDict

JsonFormat = Literal["json", "verbose_json", "diarized_json"]
TextFormat = Literal["text", "srt", "vtt"]

TEXT_FORMATS: tuple[str, ...] = ("text", "srt", "vtt")


class Fields(TypedDict, total=False):
    """OpenAI's names, Auricle's own, and two short forms. None is the same as leaving one out."""

    words: bool
    """Times of words, beside those of segments."""
    logprobs: bool
    """Log-probabilities of tokens."""
    language: str | None
    languages: Sequence[str] | None
    language_detection: Literal["once", "window"] | None
    prompt: str | None
    prefix: str | None
    previous_text: bool | None
    condition_on_previous_text: bool | None
    keywords: Sequence[str] | None
    hotwords: str | None
    temperature: float | None
    temperatures: Sequence[float] | None
    compression_ratio_threshold: float | None
    logprob_threshold: float | None
    no_speech_threshold: float | None
    timestamp_granularities: Sequence[str] | None
    include: Sequence[str] | None
    chunking_strategy: Literal["auto"] | Mapping[str, object] | None
    known_speaker_names: Sequence[str] | None
    known_speaker_references: Sequence[str] | None
    audio_track: int | str | None
    vad: bool | None
    beam_size: int | None
    patience: float | None
    suppress_tokens: Sequence[int] | None
    decoding: Literal["accurate", "balanced", "fast"] | None
    audio_context: Literal["auto", "full"] | None
    max_line_width: int | None
    max_line_count: int | None
    max_cue_s: float | None
    extra: Mapping[str, object]
    """Fields that a server knows and this client does not."""


def chosen_format(response_format: str | None, fields: Fields) -> str:
    """What is asked for when the caller says nothing: the richest that has what they want."""
    if response_format is not None:
        return response_format
    wants_logprobs = fields.get("logprobs") or fields.get("include")
    wants_words = fields.get("words") or fields.get("timestamp_granularities")
    return "json" if wants_logprobs and not wants_words else "verbose_json"


def written(model: str, response_format: str | None, fields: Fields) -> Iterator[tuple[str, str]]:
    """Names and values as a form has them.

    Raises:
        TypeError: a name that is none; a server would ignore it.
    """
    unknown = sorted(fields.keys() - Fields.__annotations__.keys())
    if unknown:
        listed = ", ".join(sorted(Fields.__annotations__))
        raise TypeError(f"unknown field {unknown[0]!r}; known are {listed}; others go into extra")
    rest: dict[str, object] = dict(fields)
    given: dict[str, object] = {"model": model, "response_format": response_format}
    if rest.pop("words", False):
        given["timestamp_granularities"] = ("word", "segment")
    if rest.pop("logprobs", False):
        given["include"] = ("logprobs",)
    rest.pop("extra", None)
    for name, value in {**given, **rest, **fields.get("extra", {})}.items():
        yield from _pairs(name, value)


def _pairs(name: str, value: object) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, Mapping):
        yield name, json.dumps(value)
    elif isinstance(value, Sequence):
        yield from ((f"{name}[]", str(one)) for one in value)
    else:
        yield name, str(value)
