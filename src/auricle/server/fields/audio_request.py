"""A transcription request, read from its form by the table of fields.

Knows nothing about HTTP, files or models: (name, value) pairs go in, an `AudioRequest` comes out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from auricle.errors import InvalidRequest
from auricle.fields.kinds import Choice, ServerVad, Terms, Text
from auricle.fields.table import BY_NAME, FIELDS
from auricle.output.formats import KINDS, Style
from auricle.output.subtitles import Shape
from auricle.server.fields import speakers
from auricle.server.fields.form import Form, refuse, refuse_both, shown
from auricle.server.fields.values import check_terms, value_of
from auricle.settings.config import Settings
from auricle.types import DecodeOptions, Task

MAX_IGNORED_NAMES = 100
"""Names of ignored fields that are remembered, so that each is logged once."""

WITH_AUTO: Final = frozenset(
    each.name
    for each in FIELDS
    if isinstance(each.kind, Text | Terms | ServerVad)
    or (isinstance(each.kind, Choice) and "auto" in each.kind.words)
)
"""Where ``auto`` is a value or a text; in every other field it counts as absent."""

Pairs = Iterable[tuple[str, str]]

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


def parse(pairs: Pairs, task: Task, settings: Settings) -> AudioRequest:
    """Read the text fields of a form; what is absent comes from ``settings``, but for the language:
    which one a model falls back on depends on the model.

    Raises:
        InvalidRequest: a value is not allowed, two fields contradict each other, or one asks for
            what this server cannot do; the message names fields, value and what is allowed.
    """
    form = Form(pairs, WITH_AUTO)
    given = _given(form)
    if "model" not in given:
        raise InvalidRequest("you must provide a model parameter")
    values = {**_defaults(settings), **given}
    values["diarize"] = speakers.is_wanted(given, values)
    _check(given, values)
    style = _style(given, values)
    is_streamed = KINDS[style.format].is_streamed and not (
        style.speakers and style.format == "text"
    )
    return AudioRequest(
        model=values["model"],
        options=_options(given, values, task, style, settings),
        style=style,
        stream=values["stream"] and is_streamed,
        ignored=tuple(name for name in form.names() if name not in BY_NAME),
    )


def _given(form: Form) -> dict[str, Any]:
    """The values that a form has, by the names of their fields; other names of one field count as
    it."""
    found: dict[str, Any] = {}
    for each in FIELDS:
        value = value_of(form, each)
        name = each.is_same_as or each.name
        if value is None:
            continue
        if name in found and isinstance(each.kind, Terms):
            value = tuple(dict.fromkeys((*found[name], *value)))
            check_terms(each.name, value, each.kind)
        elif name in found and found[name] != value:
            reason = "they are two names of one field, and their values differ"
            refuse_both(each.name, name, reason)
        found[name] = value
    return found


def _defaults(settings: Settings) -> dict[str, Any]:
    """What absent fields mean."""
    return {
        each.name: getattr(settings, each.name) if each.is_setting else each.default
        for each in FIELDS
    }


def _check(given: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Refuse fields that need another than they have, and fields that exclude each other. Clients
    that are generated send what a field means when it is absent: that needs nothing."""
    for name in given:
        each = BY_NAME[name]
        is_given = each.is_setting or given[name] != each.default
        need = each.needs if is_given else None
        if need is not None and (found := _written(values[need.name])) not in need.values:
            wanted = " or ".join(f"'{value}'" for value in need.values)
            refuse(name, f"it needs {need.name} {wanted}, but that is '{found}'.")
        for exclusion in each.excludes:
            others = values if exclusion.by_default else given
            other = exclusion.name
            if other in others and exclusion.when(given[name]) and exclusion.against(others[other]):
                refuse_both(name, other, exclusion.reason)


def _written(value: Any) -> str:
    """A value as a form has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _style(given: Mapping[str, Any], values: Mapping[str, Any]) -> Style:
    wanted = values["response_format"]
    granularities = values["timestamp_granularities"]
    return Style(
        wanted,
        segments=not granularities or "segment" in granularities,
        words="word" in granularities and wanted in ("json", "verbose_json", "diarized_json"),
        logprobs="logprobs" in values["include"],
        languages=wanted in ("json", "diarized_json") and _shows_languages(given),
        speakers=values["diarize"],
        embeddings=values["speaker_embeddings"],
        cues=Shape(values["max_line_width"], values["max_line_count"], values["max_cue_s"]),
    )


def _shows_languages(given: Mapping[str, Any]) -> bool:
    """Whether the answer lists the languages spoken: OpenAI's gpt-transcribe does, and who asked
    for several wants to know which they were."""
    is_theirs = given["model"].lower().startswith("gpt-transcribe")
    is_asked = "languages" in given or "languages" in given.get("include", ())
    return is_theirs or is_asked or given.get("language_detection") == "window"


def _options(
    given: Mapping[str, Any],
    values: Mapping[str, Any],
    task: Task,
    style: Style,
    settings: Settings,
) -> DecodeOptions:
    strategy = values["chunking_strategy"]
    numbers = strategy if isinstance(strategy, dict) else {}
    options = replace(
        decode_options(values, settings),
        task=task,
        vad_threshold=numbers.get("threshold", settings.vad_threshold),
        words=style.shows_word_times or style.speakers,
        logprobs=style.logprobs,
        speakers=speakers.options(values) if style.speakers else None,
    )
    searches = {given.get("beam_size", 1), given.get("patience", 1)} != {1}
    if searches and "decoding" not in given and options.decoding == "fast":
        return replace(options, decoding="accurate")  # also where the server itself does without
    return options


def decode_options(values: Mapping[str, Any], settings: Settings) -> DecodeOptions:
    """Options from checked values of fields; what is absent comes from ``settings``."""
    values = {**_defaults(settings), **values}
    decode = {name: values[name] for name in _DECODE}
    return DecodeOptions(vad_threshold=settings.vad_threshold, **decode)


_DECODE: Final = tuple(
    each.name for each in FIELDS if each.goes_to == "decode" and each.is_same_as is None
)
