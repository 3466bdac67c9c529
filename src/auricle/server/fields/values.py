"""The value of one field, read from a form as its kind says.

Knows nothing about which fields there are.
"""

from __future__ import annotations

import binascii
from typing import Any

from auricle.errors import InvalidRequest
from auricle.fields.field import Field
from auricle.fields.kinds import (
    Choice,
    Choices,
    DataUrls,
    Ids,
    Language,
    Languages,
    Names,
    Number,
    Recording,
    ServerVad,
    Switch,
    Terms,
    Text,
    Track,
    Whole,
)
from auricle.server.fields.form import Form, decimal, integer, refuse, refuse_choice, shown
from auricle.whisper import languages


def value_of(form: Form, field: Field) -> Any:  # noqa: C901, PLR0912  # one case a kind
    """What a form says in a field; None where it says nothing.

    Raises:
        InvalidRequest: the value is not allowed; the message names field, value and what is.
    """
    name = field.name
    if form.given(name) is None:
        return None
    match field.kind:
        case Text(max_chars):
            return _text(form, name, max_chars)
        case Language():
            return language_code(name, form.text(name) or "")
        case Track():
            return _track(form, name)
        case Switch():
            return form.boolean(name)
        case Whole(low, high):
            return form.integer(name, low, high)
        case Number(low, high):
            return form.decimal(name, low, high)
        case Choice(words):
            return form.choice(name, words)
        case Choices(words):
            return _choices(form, name, words)
        case Languages(max_items):
            return _languages(form, name, max_items)
        case Terms() as kind:
            return _terms(form, name, kind)
        case Ids(low, high, max_items):
            return _ids(form, name, (low, high), max_items)
        case ServerVad() as kind:
            return _server_vad(form, name, kind)
        case Names() as kind:
            return _names(form, name, kind)
        case DataUrls() as kind:
            return _recordings(form, name, kind)
        case Recording():
            return None  # a file, which is no text


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


def check_terms(name: str, terms: tuple[str, ...], kind: Terms) -> None:
    """Refuse more terms than may be sent, in one field or in several that mean the same.

    Raises:
        InvalidRequest: too many, or too many characters in them.
    """
    if len(terms) > kind.max_items:
        refuse(name, f"expected at most {kind.max_items} terms, but got {len(terms)}.")
    n_chars = sum(len(term) for term in terms)
    if n_chars > kind.max_chars:
        refuse(
            name, f"expected at most {kind.max_chars} characters in all terms, but got {n_chars}."
        )


def _text(form: Form, name: str, max_chars: int | None) -> str | None:
    text = (form.text(name) or "").strip()
    if max_chars is not None and len(text) > max_chars:
        refuse(name, f"expected at most {max_chars} characters, but got {len(text)}.")
    return text or None


def _track(form: Form, name: str) -> str | None:
    """As it stands: which languages and numbers there are, only the file knows."""
    track = (form.text(name) or "").strip()
    limit = Track.schema["maxLength"]
    if len(track) > limit or track.startswith(("-", "+", "0")):
        refuse(name, f"expected a number from 1 or a language, but got {shown(track)!r}.")
    return track or None


def _choices(form: Form, name: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    values = form.strings(name)
    for value in values:
        if value not in words:
            refuse_choice(name, value, words)
    return values or None


def _languages(form: Form, name: str, max_items: int) -> tuple[str, ...] | None:
    listed = form.strings(name)
    if len(listed) > max_items:
        refuse(name, f"expected at most {max_items} languages, but got {len(listed)}.")
    return tuple(dict.fromkeys(language_code(name, each) for each in listed)) or None


def _terms(form: Form, name: str, kind: Terms) -> tuple[str, ...]:
    terms = form.texts(name)
    for term in terms:
        if any(mark in term for mark in "<>\r\n\0"):
            refuse(name, f"{shown(term)!r} holds <, >, a line break or a null character.")
    found = tuple(dict.fromkeys(" ".join(term.split()) for term in terms if term.strip()))
    check_terms(name, found, kind)
    return found


def _ids(form: Form, name: str, bounds: tuple[int, int], max_items: int) -> tuple[int, ...]:
    ids = form.integers(name, *bounds)
    if len(ids) > max_items:
        refuse(name, f"expected at most {max_items} ids, but got {len(ids)}.")
    return tuple(sorted(set(ids)))


def _server_vad(form: Form, name: str, kind: ServerVad) -> str | dict[str, float] | None:
    """``auto``, or the numbers that were given."""
    strategy = form.structure(name)
    if strategy is None or strategy == "auto":
        return strategy
    if isinstance(strategy, str) or strategy.get("type") != "server_vad":
        got = strategy if isinstance(strategy, str) else strategy.get("type", "no type")
        refuse(name, f"got {shown(got)!r}. Supported are 'auto' and an object of type server_vad.")
    numbers: dict[str, float] = {}
    for key, value in strategy.items():
        if key == "threshold":
            numbers[key] = decimal(f"{name}.{key}", value, 0, 1)
        elif key in ("prefix_padding_ms", "silence_duration_ms"):
            numbers[key] = integer(f"{name}.{key}", value, 0, kind.max_padding_ms)
        elif key != "type":
            refuse(name, f"unknown key {shown(key)!r}. Known are: {', '.join(kind.keys)}.")
    return numbers


def _names(form: Form, name: str, kind: Names) -> tuple[str, ...]:
    names = tuple(" ".join(each.split()) for each in form.texts(name))
    if len(names) > kind.max_items:
        refuse(name, f"expected at most {kind.max_items} names, but got {len(names)}.")
    for each in names:
        if not each or len(each) > kind.max_chars or not each.isprintable():
            wanted = f"expected 1 to {kind.max_chars} printable characters"
            refuse(name, f"{wanted}, but got {shown(each)!r}.")
    repeated = next((each for each in names if names.count(each) > 1), None)
    if repeated is not None:
        refuse(name, f"{shown(repeated)!r} stands there twice; a name is one person's.")
    return names


def _recordings(form: Form, name: str, kind: DataUrls) -> tuple[bytes, ...]:
    """What data URLs hold."""
    urls = form.urls(name)
    if len(urls) > kind.max_items:
        refuse(name, f"expected at most {kind.max_items} recordings, but got {len(urls)}.")
    return tuple(_data(f"{name}[{place}]", url, kind) for place, url in enumerate(urls))


def _data(name: str, url: str, kind: DataUrls) -> bytes:
    head, comma, text = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        got = shown(head if comma else url)
        refuse(name, f"expected a data URL such as data:audio/wav;base64,…, but got {got!r}.")
    if len(url) > kind.max_bytes:
        message = f"expected at most {kind.max_bytes} bytes, but got {len(url)}."
        refuse(name, message, code="string_above_max_length")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as exc:
        message = f"Invalid '{name}': the recording must be base64: {exc}."
        raise InvalidRequest(message, param=name, code="invalid_value") from exc
    if not data:
        refuse(name, "the recording is empty (0 bytes).")
    return data
