"""Words as paragraphs of sentences, and as utterances.

Knows nothing about models or requests.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from auricle.server.dialects.deepgram import formatting
from auricle.server.dialects.deepgram.formatting import Formatting, WordBody, WrittenWord
from auricle.server.dialects.shared import time

PARAGRAPH_GAP_S: Final = 1.5
"""Silence behind a sentence that begins a new paragraph."""

PARAGRAPH_SENTENCES: Final = 5
"""A paragraph has no more."""


class Sentence(msgspec.Struct, frozen=True):
    text: str
    start: float
    end: float


class Paragraph(msgspec.Struct, frozen=True, omit_defaults=True):
    """``speaker`` is there with ``diarize``."""

    sentences: tuple[Sentence, ...]
    start: float
    end: float
    num_words: int
    speaker: int | None = None


class Paragraphs(msgspec.Struct, frozen=True):
    """The text with an empty line between paragraphs, and the paragraphs."""

    transcript: str
    paragraphs: tuple[Paragraph, ...]


class Utterance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is said between two pauses. ``speaker`` is there with ``diarize``."""

    start: float
    end: float
    confidence: float
    channel: int
    transcript: str
    words: tuple[WordBody, ...]
    id: str
    speaker: int | None = None


def paragraphs(words: Sequence[WrittenWord], style: Formatting) -> Paragraphs:
    """A new one begins behind a pause, with another speaker, or after some sentences."""
    sentences = _split(words, lambda a, b: a.ends_sentence or a.speaker != b.speaker)
    grouped: list[list[Sequence[WrittenWord]]] = []
    for each in sentences:
        if not grouped or _is_new(grouped[-1], each):
            grouped.append([])
        grouped[-1].append(each)
    found = tuple(_paragraph(group, style) for group in grouped)
    texts = (" ".join(each.text for each in one.sentences) for one in found)
    return Paragraphs("\n" + "\n\n".join(texts) if found else "", found)


def utterances(
    words: Sequence[WrittenWord], gap_s: float, style: Formatting, channel: int, *, languages: bool
) -> tuple[Utterance, ...]:
    """A new one begins after a pause of ``gap_s``, and with another speaker."""
    parts = _split(words, lambda a, b: b.start_s - a.end_s >= gap_s or a.speaker != b.speaker)
    return tuple(
        Utterance(
            time(part[0].start_s),
            time(part[-1].end_s),
            formatting.confidence(part),
            channel,
            formatting.text(part, style),
            formatting.bodies(part, style, languages=languages),
            str(uuid.uuid4()),
            part[0].speaker,
        )
        for part in parts
    )


def _split(
    words: Sequence[WrittenWord], ends: Callable[[WrittenWord, WrittenWord], bool]
) -> list[Sequence[WrittenWord]]:
    """Cut between two words where ``ends`` says so."""
    cuts = [i for i in range(1, len(words)) if ends(words[i - 1], words[i])]
    bounds = [0, *cuts, len(words)] if words else []
    return [words[first:last] for first, last in itertools.pairwise(bounds)]


def _is_new(paragraph: Sequence[Sequence[WrittenWord]], sentence: Sequence[WrittenWord]) -> bool:
    before, first = paragraph[-1][-1], sentence[0]
    return (
        first.start_s - before.end_s >= PARAGRAPH_GAP_S
        or before.speaker != first.speaker
        or len(paragraph) >= PARAGRAPH_SENTENCES
    )


def _paragraph(sentences: Sequence[Sequence[WrittenWord]], style: Formatting) -> Paragraph:
    first, last = sentences[0][0], sentences[-1][-1]
    return Paragraph(
        tuple(
            Sentence(formatting.text(each, style), time(each[0].start_s), time(each[-1].end_s))
            for each in sentences
        ),
        time(first.start_s),
        time(last.end_s),
        sum(map(len, sentences)),
        first.speaker,
    )
