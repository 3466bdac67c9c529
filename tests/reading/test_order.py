"""Times of what is read before a stretch of audio that is read again by itself."""

from __future__ import annotations

from auricle.reading import order
from auricle.types import Segment, Word


def _segment(start_s: float, end_s: float, *words: tuple[float, float]) -> Segment:
    timed = tuple(Word(" a", start, end, 0.5) for start, end in words)
    return Segment(start_s, end_s, " a", (1,), 0.0, -0.2, 1.0, 0.01, words=timed or None)


def test_nothing_reaches_into_what_is_read_again():
    """A word ended behind the place where the rest of its window began, whose first word then
    overlapped it: attention does not stop at the timestamp that says how far was read."""
    segments = [
        _segment(50.0, 56.4, (50.0, 50.5), (56.0, 56.4)),
        _segment(60.5, 61.4, (60.5, 61.3), (61.3, 61.34), (61.34, 61.4)),
    ]
    assert order.before(segments, 50.0, 61.0) == [
        segments[0],
        _segment(60.5, 61.0, (60.5, 60.96), (60.96, 60.98), (60.98, 61.0)),
    ]


def test_segments_without_words_end_where_the_rest_begins():
    assert order.before([_segment(0.0, 4.0), _segment(4.0, 9.0)], 0.0, 3.5) == [
        _segment(0.0, 3.48),
        _segment(3.48, 3.5),
    ]


def test_what_is_in_time_stays():
    segments = [_segment(0.0, 2.0), _segment(2.0, 3.0, (2.0, 3.0))]
    assert order.before(segments, 0.0, 3.0) == segments
    assert order.before([], 0.0, 3.0) == []
