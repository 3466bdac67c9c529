"""Segments with what was asked about them: the times of words, the probabilities of tokens.

Knows nothing about models: an alignment goes in.

Why it is so: docs/decisions.md, Decoding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from auricle.types import Segment, Token, Word
from auricle.whisper import alignment, words

MIN_PROBABILITY = 1e-12
"""Smaller ones come out of the model as zero, which has no logarithm."""

_T = TypeVar("_T")


class AlignedTokens(NamedTuple):
    """What the text tokens of a window are, when attention reaches them, how probable each is."""

    ids: Sequence[int]
    raws: Sequence[bytes]
    path: Sequence[tuple[int, int]]
    """Steps of ``(token, state)``; the token behind the last one stands for the end of the text."""
    probabilities: Sequence[float]


class AlignedSpan(NamedTuple):
    """Where in the recording the text lies, and how to read its alignment."""

    start_s: float
    duration_s: float
    """Of the audio the text is about."""
    levels: NDArray[np.float32]
    late_s: float | None
    language: str
    """That of the text."""


def with_logprobs(
    segments: Sequence[Segment], counts: Sequence[int], found: AlignedTokens
) -> list[Segment]:
    """The segments, which have ``counts`` text tokens each, with those tokens."""
    text_ids = [
        Token(i, raw, math.log(max(probability, MIN_PROBABILITY)))
        for i, raw, probability in zip(found.ids, found.raws, found.probabilities, strict=True)
    ]
    return [
        msgspec.structs.replace(segment, logprobs=tuple(part))
        for segment, part in zip(segments, _cut(text_ids, counts), strict=True)
    ]


def with_words(
    segments: Sequence[Segment], counts: Sequence[int], found: AlignedTokens, place: AlignedSpan
) -> list[Segment]:
    """The segments, which have ``counts`` text tokens each, with their words. A segment lasts from
    its first word to its last, as in openai-whisper: attention tells times better than timestamp
    tokens do."""
    parts = [words.split(raws, place.language) for raws in _cut(found.raws, counts)]
    offsets = list(itertools.accumulate(counts[:-1], initial=0))
    firsts = [
        offset + word.first for offset, part in zip(offsets, parts, strict=True) for word in part
    ]
    edges_s = alignment.edges(found.path, [*firsts, len(found.ids)])
    spans = alignment.spans(edges_s, place.levels, place.duration_s, place.late_s)
    timed = zip(segments, parts, offsets, _cut(spans, [len(part) for part in parts]), strict=True)
    return [
        _spoken(segment, part, times, found.probabilities[offset:], place.start_s)
        for segment, part, offset, times in timed
    ]


def _spoken(
    segment: Segment,
    part: Sequence[words.Spoken],
    times: Sequence[alignment.Span],
    probabilities: Sequence[float],
    start_s: float,
) -> Segment:
    timed = tuple(
        Word(
            text=word.text,
            start_s=round(start_s + span.start_s, 3),
            end_s=round(start_s + span.end_s, 3),
            probability=float(np.mean(probabilities[word.first : word.end])),
        )
        for word, span in zip(part, times, strict=True)
    )
    return msgspec.structs.replace(
        segment, words=timed, start_s=timed[0].start_s, end_s=timed[-1].end_s
    )


def _cut(items: Sequence[_T], counts: Sequence[int]) -> list[Sequence[_T]]:
    """The items in as many runs as there are counts."""
    ends = itertools.accumulate(counts, initial=0)
    return [items[first:end] for first, end in itertools.pairwise(ends)]
