"""Segments put before a time: from there on the recording is read again, by itself.

Knows nothing about why it is read again.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from auricle.types import Segment
from auricle.whisper.dimensions import SECONDS_PER_STATE

_Spans = Sequence[tuple[float, float]]


def before(segments: Sequence[Segment], start_s: float, end_s: float) -> list[Segment]:
    """The segments of a stretch of audio, with their words, none of them later than its ``end_s``.
    What is in time stays where it is; what is late moves just as far as it must."""
    spans = [span for segment in segments for span in _spans(segment)]
    moved = _before(spans, start_s, end_s)
    placed: list[Segment] = []
    for segment in segments:
        n = len(_spans(segment))
        placed.append(_placed(segment, moved[:n]))
        del moved[:n]
    return placed


def _spans(segment: Segment) -> _Spans:
    """The times of its words, or its own where they are not known."""
    if segment.words:
        return [(word.start_s, word.end_s) for word in segment.words]
    return [(segment.start_s, segment.end_s)]


def _before(spans: _Spans, start_s: float, end_s: float) -> list[tuple[float, float]]:
    min_s = min(SECONDS_PER_STATE, (end_s - start_s) / max(1, len(spans)))
    moved: list[tuple[float, float]] = []
    limit_s = end_s
    for start, end in reversed(spans):
        late_s = min(end, limit_s)
        limit_s = min(start, late_s - min_s)
        moved.append((round(limit_s, 3), round(late_s, 3)))
    return moved[::-1]


def _placed(segment: Segment, spans: _Spans) -> Segment:
    words = segment.words and tuple(
        replace(word, start_s=start, end_s=end)
        for word, (start, end) in zip(segment.words, spans, strict=True)
    )
    return replace(segment, words=words, start_s=spans[0][0], end_s=spans[-1][1])
