"""A transcription request read from its form: the model, the options and how to write the answer.

Knows nothing about HTTP, files or models: (name, value) pairs go in, an `AudioRequest` comes out.
Which fields there are is in ``table``, what the options are in ``options``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from auricle.config import Settings
from auricle.errors import InvalidRequest
from auricle.output.formats import Format, Style
from auricle.server.form import cues, options
from auricle.server.form.table import (
    FORMATS,
    GRANULARITIES,
    INCLUDES,
    KNOWN,
    STREAM_FORMATS,
    WITH_AUTO,
)
from auricle.server.form.values import Fields, refuse, refuse_choice, shown
from auricle.types import DecodeOptions, Task

MAX_IGNORED_NAMES = 100
"""Names of ignored fields that are remembered, so that each is logged once."""

_NO_SPEAKERS = "speaker separation (diarization) is not available on this server"
_SPEAKER_FIELDS = ("known_speaker_names", "known_speaker_references")
"""Fields of OpenAI's that change the answer: ignoring one would be a silent lie."""
_SPEAKER_MODEL = "gpt-4o-transcribe-diarize"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AudioRequest:
    """What a client asked for; the recording itself travels beside it."""

    model: str
    options: DecodeOptions
    style: Style
    stream: bool
    ignored: tuple[str, ...] = ()
    """Fields nobody knows."""


@dataclass(slots=True)
class IgnoredFields:
    """The names of unknown fields a server has seen: each is logged once."""

    _names: set[str] = field(default_factory=set)

    def note(self, names: Iterable[str]) -> None:
        for name in names:
            known = shown(name)
            if known not in self._names and len(self._names) < MAX_IGNORED_NAMES:
                self._names.add(known)
                logger.info("ignored unknown form field %r; said once for each name", known)


def parse(pairs: Iterable[tuple[str, str]], task: Task, settings: Settings) -> AudioRequest:
    """Read the text fields of a form; what is absent comes from ``settings``, but for the language:
    which one a model falls back on depends on the model.

    Raises:
        InvalidRequest: a value is not allowed, two fields contradict each other, or one asks for
            what this server cannot do; the message names fields, value and what is allowed.
    """
    fields = Fields(pairs, WITH_AUTO)
    model = _model(fields)
    _refuse_speakers(fields)
    style = _style(fields, settings)
    return AudioRequest(
        model=model,
        options=options.read(fields, task, style, settings),
        style=style,
        stream=_stream(fields, style.format),
        ignored=tuple(name for name in fields.names() if name not in KNOWN),
    )


def is_refused(model: str) -> bool:
    """Whether a request that names this model is refused, whatever else it says."""
    return model.strip().lower().removeprefix("openai/").startswith(_SPEAKER_MODEL)


def _model(fields: Fields) -> str:
    model = fields.text("model")
    if model is None:
        raise InvalidRequest("you must provide a model parameter")
    if is_refused(model):
        raise InvalidRequest(
            f"The model {shown(model)!r} is not supported: {_NO_SPEAKERS}. The same recording "
            "without speakers: gpt-4o-transcribe, or any model that GET /v1/models lists.",
            param="model",
            code="unsupported_value",
        )
    return model


def _refuse_speakers(fields: Fields) -> None:
    for name in _SPEAKER_FIELDS:
        given = fields.given(name)
        if given is not None:
            message = f"'{name}' (here {given!r}) is not supported: {_NO_SPEAKERS}."
            raise InvalidRequest(message, param=name, code="unsupported_parameter")


def _style(fields: Fields, settings: Settings) -> Style:
    wanted = _response_format(fields)
    granularities = _chosen(fields, "timestamp_granularities", GRANULARITIES)
    includes = _chosen(fields, "include", INCLUDES)
    if includes and wanted != "json":
        refuse("include", f"'logprobs' needs response_format 'json', but that is '{wanted}'.")
    return Style(
        wanted,
        segments=not granularities or "segment" in granularities,
        words="word" in granularities and wanted in ("json", "verbose_json"),
        logprobs="logprobs" in includes,
        languages=wanted == "json" and _shows_languages(fields),
        cues=cues.read(fields, wanted, settings),
    )


def _shows_languages(fields: Fields) -> bool:
    """Whether the answer lists the languages spoken: OpenAI's gpt-transcribe does, and who asked
    for several wants to know which they were."""
    is_theirs = (fields.text("model") or "").strip().lower().startswith("gpt-transcribe")
    asks = fields.given("languages") or fields.text("language_detection") == "window"
    return is_theirs or bool(asks)


def _chosen(fields: Fields, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    values = fields.strings(name)
    for value in values:
        if value not in allowed:
            refuse_choice(name, value, allowed)
    return values


def _response_format(fields: Fields) -> Format:
    value = fields.text("response_format")
    if value is None:
        return "json"
    if value == "diarized_json":
        raise InvalidRequest(
            f"response_format 'diarized_json' is not supported: {_NO_SPEAKERS}. Supported values "
            f"are: {', '.join(FORMATS)}.",
            param="response_format",
            code="unsupported_value",
        )
    for known in FORMATS:
        if value == known:
            return known
    refuse_choice("response_format", value, FORMATS)


def _stream(fields: Fields, response_format: Format) -> bool:
    """Whether the answer is a stream of events. The other formats carry times, which a stream of
    text does not: they are answered plainly, as OpenAI answers whisper-1 whatever its format."""
    return fields.boolean("stream") is True and response_format in STREAM_FORMATS
