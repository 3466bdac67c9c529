"""What Deepgram's parameters ask for, as far as recordings and live streams share them.

Knows nothing about models, requests or sockets. Parameters nobody knows are ignored, as Deepgram
ignores them: its clients send many.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from auricle.errors import InvalidRequest
from auricle.server.dialects.deepgram.formatting import Formatting, Replacement, bare
from auricle.server.dialects.deepgram.query import Query, as_flag, refuse
from auricle.server.dialects.shared import SERVED_MODEL, WORDS
from auricle.server.fields import audio_request
from auricle.server.fields.audio_request import AudioRequest
from auricle.server.fields.form import shown
from auricle.settings.config import Settings

IGNORED: Final = frozenset(
    {
        "custom_intent",
        "custom_intent_mode",
        "custom_topic",
        "custom_topic_mode",
        "detect_entities",
        "dictation",
        "diarize_version",
        "intents",
        "measurements",
        "mip_opt_out",
        "no_delay",
        "numerals",
        "sentiment",
        "summarize",
        "tier",
        "topics",
        "version",
    }
)
"""What is known, taken and changes nothing: Whisper writes numbers as digits by itself, and the
answer leaves out what is not there."""

_REFUSED: Final[Mapping[str, str]] = {
    "redact": "nothing is taken out of transcripts here",
    "callback": "the answer comes with the response, never to another address",
}
"""What changes the answer so much that ignoring it would be a silent lie, unless it is false."""

SHARED: Final = IGNORED | {
    *_REFUSED,
    "channels",
    "diarize",
    "diarize_model",
    "encoding",
    "extra",
    "filler_words",
    "keyterm",
    "keywords",
    "language",
    "language_hint",
    "model",
    "multichannel",
    "profanity_filter",
    "punctuate",
    "replace",
    "sample_rate",
    "smart_format",
    "tag",
}
"""What is known of recordings and live streams alike."""

MULTI: Final = "multi"

MAX_TERMS: Final = 100
MAX_TERM_CHARS: Final = 1000
"""Of all terms together; Whisper's prompt holds no more."""

MAX_REPLACEMENTS: Final = 100
MAX_SEARCHES: Final = 100
MAX_EXTRA: Final = 100
MAX_TEXT_CHARS: Final = 2048
MAX_TAG_CHARS: Final = 128

_DEEPGRAMS: Final = re.compile(
    r"(?:nova|flux|enhanced|base|whisper)(?:-.*)?|\d-[a-z]+(?:-.*)?"
    r"|general|meeting|phonecall|voicemail|finance|conversationalai|video|medical|drivethru"
    r"|automotive|atc"
)


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """Which languages are spoken. ``code`` None: it is detected, among ``among`` if any."""

    code: str | None = None
    among: tuple[str, ...] = ()
    is_multi: bool = False
    """Several in one recording or stream: words tell theirs."""
    is_asked: bool = False
    """The answer says which was detected."""


def refuse_unsupported(query: Query) -> None:
    """Raises `InvalidRequest` for what this server cannot do."""
    for name, reason in _REFUSED.items():
        for value in query.texts(name):
            if as_flag(value) is not False:
                raise InvalidRequest(
                    f"Invalid '{name}' value of '{shown(value)}'. It is not supported: {reason}. "
                    "Leave it out.",
                    param=name,
                    code="unsupported_parameter",
                )


def is_deepgrams(model: str) -> bool:
    """Whether a model is called so at Deepgram: where no other has the name, the served one is
    meant."""
    return _DEEPGRAMS.fullmatch(model.strip().lower()) is not None


def model(query: Query) -> str:
    """The model as the request names it, the served one if it does not."""
    return query.text("model") or SERVED_MODEL


def language_choice(query: Query, settings: Settings) -> LanguageChoice:
    """Deepgram takes speech to be English where nothing is said; here the setting ``language``
    comes before that."""
    detect = [value for value in query.texts("detect_language") if as_flag(value) is not False]
    if detect:
        among = tuple(value for value in detect if as_flag(value) is None)
        return LanguageChoice(among=among, is_asked=True)
    language = query.text("language")
    if language is not None and language.lower() == MULTI:
        return LanguageChoice(among=query.texts("language_hint"), is_multi=True)
    return LanguageChoice(language or settings.language or "en")


def terms(query: Query) -> tuple[str, ...]:
    """``keyterm`` as they stand, ``keywords`` without the boost behind each."""
    given = (*query.texts("keyterm"), *(term for term, _ in _weighed(query)))
    found = tuple(dict.fromkeys(term for each in given if (term := " ".join(each.split()))))
    name = "keyterm" if query.texts("keyterm") else "keywords"
    check_terms(name, found)
    return found


def _weighed(query: Query) -> list[tuple[str, float]]:
    """``keywords`` and how much each is boosted: 1 where nothing is said."""
    found = []
    for value in query.texts("keywords"):
        word, _, boost = value.rpartition(":")
        is_boosted = bool(word) and _is_boost(boost)
        term = " ".join((word if is_boosted else value).split())
        found.append((term, float(boost) if is_boosted else 1.0))
    return found


def check_terms(name: str, found: tuple[str, ...]) -> None:
    """Raises `InvalidRequest` for more than a model can be told."""
    for term in found:
        if any(mark in term for mark in "<>\0"):
            refuse(name, term, "text without <, > and null characters")
    n_chars = sum(map(len, found))
    if len(found) > MAX_TERMS or n_chars > MAX_TERM_CHARS:
        raise InvalidRequest(
            f"Keyterm limit exceeded: {len(found)} terms of {n_chars} characters in '{name}'. "
            f"Allowed are {MAX_TERMS} terms of {MAX_TERM_CHARS} characters in all.",
            param=name,
            code="invalid_value",
        )


def request(query: Query, language_choice: LanguageChoice, settings: Settings) -> AudioRequest:
    """As OpenAI's clients could have sent it."""
    pairs = [("model", model(query)), ("response_format", "verbose_json"), *WORDS]
    pairs += [("keywords[]", term) for term in terms(query)]
    pairs += [("languages[]", code) for code in language_choice.among]
    if language_choice.code is not None:
        pairs.append(("language", language_choice.code))
    if language_choice.is_multi:
        pairs.append(("language_detection", "window"))
    if query.flag("diarize") or asks_by_model(query):
        pairs.append(("diarize", "true"))
    asked = audio_request.parse(pairs, "transcribe", settings)
    boosts = tuple((term, boost) for term, boost in _weighed(query) if boost != 1)
    return replace(asked, options=replace(asked.options, keyword_boosts=boosts))


def asks_by_model(query: Query) -> bool:
    """Whether a version of what tells speakers apart is named, which asks for it, too."""
    value = query.text("diarize_model")
    return value is not None and as_flag(value) is not False


def formatting(query: Query, *, needs_punctuation: bool = False) -> Formatting:
    return Formatting(
        query.flag("punctuate") or query.flag("smart_format") or needs_punctuation,
        query.flag("filler_words"),
        query.flag("profanity_filter"),
        tuple(map(_replacement, _limited(query, "replace", MAX_REPLACEMENTS, MAX_TEXT_CHARS))),
    )


def searches(query: Query) -> tuple[str, ...]:
    return _limited(query, "search", MAX_SEARCHES, MAX_TEXT_CHARS)


def tags(query: Query) -> tuple[str, ...]:
    return _limited(query, "tag", MAX_EXTRA, MAX_TAG_CHARS)


def extra(query: Query) -> dict[str, str]:
    """What a request carries to find in its answer."""
    pairs = (each.partition(":") for each in _limited(query, "extra", MAX_EXTRA, MAX_TEXT_CHARS))
    return {key: value for key, _, value in pairs}


def _limited(query: Query, name: str, max_items: int, max_chars: int) -> tuple[str, ...]:
    values = query.texts(name)
    if len(values) > max_items:
        refuse(name, f"{len(values)} of them", f"at most {max_items}")
    for value in values:
        if len(value) > max_chars:
            refuse(name, value, f"a text of at most {max_chars} characters")
    return values


def _is_boost(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _replacement(value: str) -> Replacement:
    find, _, by = value.partition(":")
    parts = tuple(part for part in (bare_as_written(word) for word in find.split()) if part)
    if not parts:
        refuse("replace", value, "find:replacement")
    return Replacement(parts, tuple(by.split()))


def bare_as_written(word: str) -> str:
    """Without the punctuation around it, in the case that it has."""
    plain = bare(word)
    at = word.lower().find(plain)
    return word[at : at + len(plain)]
