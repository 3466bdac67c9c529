"""The fields of a transcription request: their table, and how they become `Options`.

Knows nothing about HTTP, files or models: (name, value) pairs go in, an `AudioRequest` comes out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from auricle.config import AudioContext, Decoding, Settings
from auricle.errors import InvalidRequest
from auricle.formats import Format, Style
from auricle.models import languages
from auricle.server.fields import Fields, decimal, integer, refuse, refuse_choice, shown
from auricle.types import Options, Task

FORMATS: tuple[Format, ...] = get_args(Format)
STREAM_FORMATS: tuple[Format, ...] = ("json", "text")
"""Formats a stream of text events can stand for; the others carry times."""

GRANULARITIES = ("segment",)
MAX_BEAM_SIZE = 10
MAX_PADDING_MS = 60_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AudioRequest:
    """What a client asked for; the recording itself travels beside it."""

    model: str
    options: Options
    style: Style
    stream: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One form field, as documentation shows it; ``schema`` is JSON Schema."""

    name: str
    schema: Mapping[str, Any]
    help: str
    is_required: bool = False


_SERVER_VAD: Mapping[str, Any] = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "server_vad"},
        "threshold": {"type": "number", "minimum": 0, "maximum": 1},
        "prefix_padding_ms": {"type": "integer", "minimum": 0, "maximum": MAX_PADDING_MS},
        "silence_duration_ms": {"type": "integer", "minimum": 0, "maximum": MAX_PADDING_MS},
    },
}

FIELDS = (
    Field(
        "file",
        {"type": "string", "format": "binary"},
        "The recording, in any container and codec FFmpeg reads; its name does not matter.",
        is_required=True,
    ),
    Field(
        "model",
        {"type": "string"},
        "The served model by any of its names, or one of OpenAI's such as whisper-1.",
        is_required=True,
    ),
    Field(
        "language",
        {"type": "string"},
        "Language of the speech (en, deu, pt-BR, German). Leave it out to have it detected.",
    ),
    Field(
        "prompt",
        {"type": "string"},
        "Text the recording might follow: it sets style, spelling and names.",
    ),
    Field(
        "response_format",
        {"type": "string", "enum": list(FORMATS), "default": "json"},
        "How the answer is written.",
    ),
    Field(
        "temperature",
        {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "0 searches for the likeliest text, and tries again with more when that looks wrong; "
        "above 0 the model samples.",
    ),
    Field(
        "timestamp_granularities[]",
        {"type": "array", "items": {"type": "string", "enum": list(GRANULARITIES)}},
        "Which times verbose_json carries.",
    ),
    Field(
        "stream",
        {"type": "boolean", "default": False},
        "Send the text as server-sent events while it is recognised; with json or text.",
    ),
    Field(
        "chunking_strategy",
        {"anyOf": [{"const": "auto"}, _SERVER_VAD]},
        "How speech is found before it is recognised; auto, server_vad and leaving it out all "
        "use voice activity detection, and threshold sets how sure it has to be.",
    ),
    Field(
        "vad",
        {"type": "boolean"},
        "Extension: false hands everything to the model, silence included.",
    ),
    Field(
        "beam_size",
        {"type": "integer", "minimum": 1, "maximum": MAX_BEAM_SIZE},
        "Extension: beams kept while searching; 1 is greedy and faster.",
    ),
    Field(
        "decoding",
        {"type": "string", "enum": list(get_args(Decoding))},
        "Extension: accurate searches with beams, fast takes the likeliest token each time, "
        "balanced searches where that was unsure.",
    ),
    Field(
        "audio_context",
        {"type": "string", "enum": list(get_args(AudioContext))},
        "Extension: full pads short audio to 30 s, as Whisper was trained; auto to what it needs.",
    ),
)
"""What a request may carry. Other fields are ignored, as OpenAI's server ignores them."""

_NOT_YET = {
    "include": "token log-probabilities are not available on this server",
    "languages": "a list of languages is not available on this server; use language",
    "keywords": "keywords are not available on this server; use prompt",
    "known_speaker_names": "speakers are not told apart on this server",
    "known_speaker_references": "speakers are not told apart on this server",
}
"""Fields of OpenAI's that change the answer: ignoring one would be a silent lie."""

_KNOWN = frozenset(field.name.removesuffix("[]") for field in FIELDS)


def parse(pairs: Iterable[tuple[str, str]], task: Task, settings: Settings) -> AudioRequest:
    """Read the text fields of a form; what is absent comes from ``settings``, but for the language:
    which one a model falls back on depends on the model.

    Raises:
        InvalidRequest: a value is not allowed, or a field asks for what this server cannot do;
            the message names the field, the value and what is allowed.
    """
    fields = Fields(pairs)
    _refuse_unsupported(fields)
    model = fields.text("model")
    if model is None:
        raise InvalidRequest("you must provide a model parameter")
    response_format = _response_format(fields)
    _check_granularities(fields, response_format)
    return AudioRequest(
        model=model,
        options=_options(fields, task, settings),
        style=Style(response_format),
        stream=_stream(fields, response_format),
    )


def _refuse_unsupported(fields: Fields) -> None:
    for name in fields.names():
        if name in _NOT_YET:
            message = f"'{name}' (here {fields.given(name)!r}) is not supported: {_NOT_YET[name]}."
            raise InvalidRequest(message, param=name, code="unsupported_parameter")
        if name not in _KNOWN:
            logger.debug("ignored unknown form field %r", shown(name))


def _response_format(fields: Fields) -> Format:
    value = fields.text("response_format")
    if value is None:
        return "json"
    if value == "diarized_json":
        listed = ", ".join(FORMATS)
        raise InvalidRequest(
            "response_format 'diarized_json' is not supported: speakers are not told apart on "
            f"this server. Supported values are: {listed}.",
            param="response_format",
            code="unsupported_value",
        )
    for known in FORMATS:
        if value == known:
            return known
    refuse_choice("response_format", value, FORMATS)


def _check_granularities(fields: Fields, response_format: Format) -> None:
    name = "timestamp_granularities"
    asked = fields.strings(name)
    for value in asked:
        if value == "word":
            message = "Times of single words ('word') are not available on this server yet."
            raise InvalidRequest(
                f"{message} Supported values of {name} are: 'segment'.",
                param=name,
                code="unsupported_value",
            )
        if value not in GRANULARITIES:
            refuse_choice(name, value, GRANULARITIES)
    if asked and response_format != "verbose_json":
        refuse(name, f"it needs response_format 'verbose_json', but that is '{response_format}'.")


def _stream(fields: Fields, response_format: Format) -> bool:
    stream = fields.boolean("stream") or False
    if stream and response_format not in STREAM_FORMATS:
        listed = " or ".join(f"'{one}'" for one in STREAM_FORMATS)
        message = f"response_format '{response_format}' cannot be streamed. Use {listed} instead."
        raise InvalidRequest(message, param="response_format", code="unsupported_value")
    return stream


def _options(fields: Fields, task: Task, settings: Settings) -> Options:
    vad = fields.boolean("vad")
    threshold = _vad_threshold(fields, vad)
    temperature = fields.decimal("temperature", 0, 1)
    beam_size = fields.integer("beam_size", 1, MAX_BEAM_SIZE)
    decoding = fields.choice("decoding", get_args(Decoding))
    context = fields.choice("audio_context", get_args(AudioContext))
    return Options(
        task=task,
        language=_language(fields),
        prompt=fields.text("prompt"),
        temperature=0.0 if temperature is None else temperature,
        decoding=cast("Decoding | None", decoding) or settings.decoding,
        beam_size=settings.beam_size if beam_size is None else beam_size,
        audio_context=cast("AudioContext | None", context) or settings.audio_context,
        vad=settings.vad if vad is None else vad,
        vad_threshold=settings.vad_threshold if threshold is None else threshold,
    )


def _language(fields: Fields) -> str | None:
    value = fields.text("language")
    if value is None:
        return None
    code = languages.parse(value)
    if code is None:
        raise InvalidRequest(
            f"Invalid language {shown(value)!r}. Language parameter must be specified in "
            "ISO-639-1 format. Leave it out to have the language detected.",
            param="language",
            code="invalid_language_format",
        )
    return code


def _vad_threshold(fields: Fields, vad: bool | None) -> float | None:
    """Check ``chunking_strategy``; of its numbers only the threshold changes anything, because
    windows are cut in silence wherever it is."""
    name = "chunking_strategy"
    strategy = fields.structure(name)
    if strategy is None or strategy == "auto":
        return None
    if isinstance(strategy, str) or strategy.get("type") != "server_vad":
        got = strategy if isinstance(strategy, str) else strategy.get("type", "no type")
        refuse(name, f"got {shown(got)!r}. Supported are 'auto' and an object of type server_vad.")
    if vad is False:
        refuse(name, "'server_vad' asks for voice activity detection, which vad=false turns off.")
    threshold = None
    for key, value in strategy.items():
        if key == "threshold":
            threshold = decimal(f"{name}.{key}", value, 0, 1)
        elif key in ("prefix_padding_ms", "silence_duration_ms"):
            integer(f"{name}.{key}", value, 0, MAX_PADDING_MS)
        elif key != "type":
            known = ", ".join(_SERVER_VAD["properties"])
            refuse(name, f"unknown key {shown(key)!r}. Known are: {known}.")
    return threshold
