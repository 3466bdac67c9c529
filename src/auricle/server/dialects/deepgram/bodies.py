"""Parts of Deepgram's answers: what stands in them, and how a model is told there.

Knows nothing about how they come to be.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import msgspec

from auricle import __version__
from auricle.server.dialects.deepgram.formatting import WordBody
from auricle.server.dialects.deepgram.layout import Paragraphs, Utterance


class Hit(msgspec.Struct, frozen=True):
    confidence: float
    start: float
    end: float
    snippet: str


class Search(msgspec.Struct, frozen=True):
    """Where a term that was searched for is said."""

    query: str
    hits: tuple[Hit, ...]


class Alternative(msgspec.Struct, frozen=True, omit_defaults=True):
    """The text. ``languages`` are there with ``language=multi``."""

    transcript: str
    confidence: float
    words: tuple[WordBody, ...]
    paragraphs: Paragraphs | None = None
    languages: tuple[str, ...] | None = None


class ChannelResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """One channel of the recording, or all of them mixed."""

    alternatives: tuple[Alternative, ...]
    search: tuple[Search, ...] | None = None
    detected_language: str | None = None
    language_confidence: float | None = None


class ListenResults(msgspec.Struct, frozen=True, omit_defaults=True):
    channels: tuple[ChannelResult, ...]
    utterances: tuple[Utterance, ...] | None = None


class ModelInfo(msgspec.Struct, frozen=True):
    name: str
    version: str
    arch: str


class ListenMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """``sha256`` is that of the body; ``warnings`` are an extension: what could not be read."""

    transaction_key: str
    request_id: str
    sha256: str
    created: str
    duration: float
    channels: int
    models: tuple[str, ...]
    model_info: dict[str, ModelInfo]
    tags: tuple[str, ...] | None = None
    extra: dict[str, str] | None = None
    warnings: tuple[str, ...] = ()


class ListenBody(msgspec.Struct, frozen=True):
    """The answer of ``POST /v1/listen``."""

    metadata: ListenMetadata
    results: ListenResults


def model_uuid(model: str) -> str:
    """The id that stands for a model, always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, model))


def model_info(model: str) -> ModelInfo:
    return ModelInfo(model, __version__, "whisper")


def created() -> str:
    """Now, as Deepgram writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
