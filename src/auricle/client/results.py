"""What a server answers, as types. Names are those on the wire; times are seconds.

Knows nothing about HTTP. Fields it does not know are dropped, and missing ones have defaults, so
that older, newer and foreign servers are understood.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from auricle.client.errors import NotUnderstood

Result = TypeVar("Result")


class Word(msgspec.Struct, frozen=True):
    """A word and when it is said."""

    word: str
    start: float
    end: float
    probability: float | None = None


class TokenLogprob(msgspec.Struct, frozen=True):
    """A token and its log-probability; ``bytes`` because a token may be part of a character."""

    token: str
    logprob: float
    bytes: tuple[int, ...] = ()


class Segment(msgspec.Struct, frozen=True):
    """A piece of speech, a phrase or a sentence. ``text`` starts with a space where words do."""

    start: float
    end: float
    text: str
    id: int | str = 0
    seek: int | None = None
    tokens: tuple[int, ...] = ()
    temperature: float | None = None
    avg_logprob: float | None = None
    compression_ratio: float | None = None
    no_speech_prob: float | None = None
    speaker: str | None = None


class LanguageCode(msgspec.Struct, frozen=True):
    code: str


class Usage(msgspec.Struct, frozen=True):
    """How much audio was transcribed: whole seconds."""

    type: str = "duration"
    seconds: float | None = None


class Transcription(msgspec.Struct, frozen=True):
    """A recording as text. What was not asked for, or not answered, is None."""

    text: str
    task: str | None = None
    language: str | None = None
    """An English name in lower case, such as german."""
    duration: float | None = None
    segments: tuple[Segment, ...] | None = None
    words: tuple[Word, ...] | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    languages: tuple[LanguageCode, ...] | None = None
    usage: Usage | None = None
    request_id: str | None = None
    """Names the request in the server's log."""


class TextDelta(msgspec.Struct, frozen=True):
    """Text to append to what came before; it is never taken back."""

    delta: str
    logprobs: tuple[TokenLogprob, ...] | None = None
    segment_id: str | None = None
    words: tuple[Word, ...] | None = None


class TextSegment(msgspec.Struct, frozen=True):
    """A segment whose text has been sent."""

    start: float
    end: float
    text: str
    id: int | str = 0
    speaker: str | None = None


class TextDone(msgspec.Struct, frozen=True):
    """The end of a stream; ``text`` is all of it."""

    text: str
    logprobs: tuple[TokenLogprob, ...] | None = None
    languages: tuple[LanguageCode, ...] | None = None
    usage: Usage | None = None
    words: tuple[Word, ...] | None = None


Event = TextDelta | TextSegment | TextDone


class Model(msgspec.Struct, frozen=True):
    """A name the server answers to. From ``root`` on, what only Auricle says: the model behind the
    name, and how that is."""

    id: str
    created: int = 0
    owned_by: str = ""
    root: str | None = None
    state: str | None = None
    memory_mb: int | None = None
    device: str | None = None
    compute_type: str | None = None
    languages: tuple[str, ...] | None = None
    reason: str | None = None


class ModelList(msgspec.Struct, frozen=True):
    data: tuple[Model, ...]


class Health(msgspec.Struct, frozen=True):
    """Whether requests can be taken now; ``reason`` says why they never will."""

    status: str
    ready: bool = False
    model: str | None = None
    version: str | None = None
    reason: str | None = None
    loaded: tuple[str, ...] = ()


def parsed(content: bytes, kind: type[Result]) -> Result:
    """A JSON document as one of the types above.

    Raises:
        NotUnderstood: it is something else.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as exc:
        shown = content[:200].decode(errors="replace")
        raise NotUnderstood(f"the server's answer is no {kind.__name__} ({exc}): {shown}") from exc
