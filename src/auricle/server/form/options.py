"""The options of a transcription request, read from its form: guidance, language, decoding.

Knows nothing about models or how the answer is written.
"""

from __future__ import annotations

from itertools import product
from typing import cast, get_args

from auricle.config import AudioContext, Decoding, Settings
from auricle.errors import InvalidRequest
from auricle.output.formats import Style
from auricle.server.form.table import (
    MAX_BEAM_SIZE,
    MAX_KEYWORDS,
    MAX_KEYWORDS_CHARS,
    MAX_LANGUAGES,
    MAX_PADDING_MS,
    MAX_PATIENCE,
    MAX_PREFIX_CHARS,
    MAX_SUPPRESSED,
    MAX_TOKEN_ID,
    MIN_PATIENCE,
    SERVER_VAD,
)
from auricle.server.form.values import Fields, decimal, integer, refuse, refuse_both, shown
from auricle.types import DecodeOptions, LanguageDetection, Task
from auricle.whisper import languages


def read(fields: Fields, task: Task, style: Style, settings: Settings) -> DecodeOptions:
    """The options of a request; what is absent comes from ``settings``, but for the language.

    Raises:
        InvalidRequest: a value is not allowed, or two fields contradict each other.
    """
    vad = fields.boolean("vad")
    threshold = _vad_threshold(fields, vad)
    temperature = fields.decimal("temperature", 0, 1)
    decoding = fields.choice("decoding", get_args(Decoding))
    beam_size = fields.integer("beam_size", 1, MAX_BEAM_SIZE)
    patience = _patience(fields, temperature, beam_size, decoding)
    context = fields.choice("audio_context", get_args(AudioContext))
    language, allowed, detection = _languages(fields)
    return DecodeOptions(
        task=task,
        language=language,
        languages=allowed,
        language_detection=detection,
        prompt=fields.text("prompt"),
        keywords=_keywords(fields),
        prefix=_prefix(fields),
        previous_text=_previous_text(fields),
        temperature=0.0 if temperature is None else temperature,
        decoding=_decoding(decoding, settings, searches=_searches(beam_size, patience)),
        beam_size=settings.beam_size if beam_size is None else beam_size,
        patience=settings.patience if patience is None else patience,
        suppress_tokens=_suppress_tokens(fields),
        audio_context=cast("AudioContext | None", context) or settings.audio_context,
        vad=settings.vad if vad is None else vad,
        vad_threshold=settings.vad_threshold if threshold is None else threshold,
        words=style.shows_word_times,
        logprobs=style.logprobs,
    )


def _languages(fields: Fields) -> tuple[str | None, tuple[str, ...], LanguageDetection]:
    """The language, what detection chooses from, and when it does."""
    given = fields.text("language")
    language = None if given is None else language_code("language", given)
    listed = fields.strings("languages")
    if len(listed) > MAX_LANGUAGES:
        refuse("languages", f"expected at most {MAX_LANGUAGES} languages, but got {len(listed)}.")
    allowed = tuple(dict.fromkeys(language_code("languages", each) for each in listed))
    detection = fields.choice("language_detection", get_args(LanguageDetection)) or "once"
    if language is not None and allowed:
        refuse_both(
            "languages",
            "language",
            "the first is what detection chooses from, the second leaves nothing to detect",
        )
    if language is not None and detection == "window":
        refuse_both(
            "language_detection",
            "language",
            "'window' detects the language again and again, and the second fixes it",
        )
    return language, allowed, cast("LanguageDetection", detection)


def language_code(name: str, value: str) -> str:
    """The code for a language in any of its spellings, from field ``name``.

    Raises:
        InvalidRequest: Whisper does not know it; the message lists what it knows.
    """
    code = languages.parse(value)
    if code is None:
        raise InvalidRequest(
            f"Invalid language {shown(value)!r}. Language parameter must be specified in "
            "ISO-639-1 format. Leave it out to have the language detected. Codes, BCP-47 tags and "
            f"English names are read; known are {', '.join(languages.NAMES)}.",
            param=name,
            code="invalid_language_format",
        )
    return code


def _keywords(fields: Fields) -> tuple[str, ...]:
    found: list[str] = []
    names = [name for name in ("keywords", "hotwords") if fields.given(name) is not None]
    for name in names:
        terms = fields.texts(name)
        for term in terms:
            if any(mark in term for mark in "<>\r\n\0"):
                refuse(name, f"{shown(term)!r} holds <, >, a line break or a null character.")
        found += [" ".join(term.split()) for term in terms]
    keywords = tuple(dict.fromkeys(term for term in found if term))
    if len(keywords) > MAX_KEYWORDS:
        refuse(names[-1], f"expected at most {MAX_KEYWORDS} terms, but got {len(keywords)}.")
    n_chars = sum(len(term) for term in keywords)
    if n_chars > MAX_KEYWORDS_CHARS:
        refuse(
            names[-1],
            f"expected at most {MAX_KEYWORDS_CHARS} characters in all terms of keywords and "
            f"hotwords together, but got {n_chars}.",
        )
    return keywords


def _prefix(fields: Fields) -> str | None:
    prefix = (fields.text("prefix") or "").strip()
    if len(prefix) > MAX_PREFIX_CHARS:
        refuse("prefix", f"expected at most {MAX_PREFIX_CHARS} characters, but got {len(prefix)}.")
    return prefix or None


def _previous_text(fields: Fields) -> bool:
    own, other = "previous_text", "condition_on_previous_text"
    given = {name: fields.boolean(name) for name in (own, other)}
    if None not in given.values() and given[own] != given[other]:
        refuse_both(other, own, "they are two names of one field, and their values differ")
    return any(given.values())


def _searches(beam_size: int | None, patience: float | None) -> bool:
    """Whether these are wishes that only beam search can grant."""
    return beam_size not in (None, 1) or patience not in (None, 1)


def _decoding(given: str | None, settings: Settings, *, searches: bool) -> Decoding:
    """How to decode. What a search needs was given: then it is wanted, also where the server
    itself does without."""
    if given is None and searches and settings.decoding == "fast":
        return "accurate"
    return cast("Decoding | None", given) or settings.decoding


def _patience(
    fields: Fields, temperature: float | None, beam_size: int | None, decoding: str | None
) -> float | None:
    """Patience, which only beam search has; checks that a search is not asked for and forbidden."""
    patience = fields.decimal("patience", MIN_PATIENCE, MAX_PATIENCE)
    asks = (
        ("patience", _searches(None, patience)),
        ("beam_size", _searches(beam_size, None)),
        ("decoding", decoding in ("accurate", "balanced")),
    )
    forbids = (
        ("decoding", decoding == "fast", "'fast' searches without beams"),
        ("beam_size", beam_size == 1, "1 beam does not search"),
        ("temperature", bool(temperature), "above 0 the model samples, without beams"),
    )
    for (name, is_asked), (other, is_forbidden, reason) in product(asks, forbids):
        if is_asked and is_forbidden:
            refuse_both(name, other, reason)
    return patience


def _suppress_tokens(fields: Fields) -> tuple[int, ...]:
    name = "suppress_tokens"
    if fields.given(name) is None:
        return (-1,)
    ids = fields.integers(name, -1, MAX_TOKEN_ID)
    if len(ids) > MAX_SUPPRESSED:
        refuse(name, f"expected at most {MAX_SUPPRESSED} ids, but got {len(ids)}.")
    return tuple(sorted(set(ids)))


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
            known = ", ".join(SERVER_VAD["properties"])
            refuse(name, f"unknown key {shown(key)!r}. Known are: {known}.")
    return threshold
