"""What voice detection says about a text: what it leaves out, and when it is really spoken.

Knows nothing about queues or engines: a window and its text in, a decision out.

Why it is so: docs/decisions.md, Decoding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import msgspec

from auricle.reading.text import WindowText
from auricle.types import SAMPLE_RATE, Segment, Window

MIN_UNREAD_S = 1.0
"""Speech behind the last timestamp that must have been missed. Timestamps are often half a second
early; on 253 clips never more than 0.7 s, unless words were missing."""

LEAD_S = 0.3
"""Audio kept before speech that is read again, and time kept around a segment's speech: soft first
and last sounds are not detected."""

MIN_PROGRESS_S = 1.0

MIN_TOKENS_PER_S = 2.5
"""Fewer for each second of speech are a sign that a sentence is missing. In English windows with
pauses, two that had lost one had 1.3 and 1.8; the others had 2.2 and more, most of them over 4."""

PAUSE_S = 0.3
MIN_PART_S = 1.0
"""A pause between sentences, and the speech there must be on either side of it."""

MIN_LOOP_S = 6.0
MIN_LOOP_SHARE = 0.25
"""Speech of a window that loops and is read in parts, and what each part must have of it: so at
most six times as much audio is read as there is, however many pauses there are."""

MORE_TOKENS = 1.2
MIN_PARTS_LOGPROB = -1.0
"""What parts must say, as a share of the whole, and how sure they must be, to be believed."""

MAX_TOKENS_PER_S = 14
"""Nobody speaks faster: a segment is not made shorter than its text takes."""


def uncovered_tail(window: Window, text: WindowText) -> Window | None:
    """The part of a window that is to be read on its own, because the text does not reach it."""
    if text.resume_s is not None:
        return _from(window, text.resume_s)
    if text.last_timestamp_s is None:
        return None
    last_timestamp_s = text.last_timestamp_s
    if speech_from(window, last_timestamp_s) < MIN_UNREAD_S:
        return None
    started_s = next(start for start, end in window.speech if end > last_timestamp_s)
    if last_timestamp_s - started_s < MIN_UNREAD_S:  # not in the middle of it, then
        before = (end for _, end in window.speech if end <= started_s)
        start_s = max(started_s - LEAD_S, max(before, default=window.start_s))
    else:
        start_s = last_timestamp_s
    return _from(window, start_s) if start_s - window.start_s >= MIN_PROGRESS_S else None


def halves(window: Window, text: WindowText) -> tuple[Window, ...]:
    """The window divided in its longest pause, if its text is too short for so much speech.

    Of sentences in one window a model may leave one out, and give the segment of the next one its
    time, too.
    """
    is_short = 0 < _n_tokens(text) < MIN_TOKENS_PER_S * window.speech_s
    if not is_short or uncovered_tail(window, text) is not None:
        return ()
    return _divided(window, MIN_PART_S)


def loop_halves(window: Window) -> tuple[Window, ...]:
    """The window in two, if its text loops; empty where there is little speech, or no pause that
    leaves enough on either side."""
    if window.speech_s < MIN_LOOP_S:
        return ()
    return _divided(window, MIN_LOOP_SHARE * window.speech_s)


def speech_from(window: Window, start_s: float) -> float:
    """Seconds of speech in a window from an absolute time on."""
    return sum(end - max(start, start_s) for start, end in window.speech if end > start_s)


def _divided(window: Window, min_s: float) -> tuple[Window, ...]:
    """The window in two, divided in its longest pause with so much speech on either side."""
    pauses = [
        (start - end, (start + end) / 2)
        for (_, end), (start, _) in pairwise(window.speech)
        if start - end >= PAUSE_S
    ]
    for _, at_s in sorted(pauses, reverse=True):
        parts = (_until(window, at_s), _from(window, at_s))
        if all(part.speech_s >= min_s for part in parts):
            return parts
    return ()


def have_more_words(parts: Iterable[WindowText], whole: WindowText) -> bool:
    """Whether the parts of a window, read alone, have words that the text of the whole lacks."""
    texts = [part for part in parts if part.segments]
    if any(part.avg_logprob < MIN_PARTS_LOGPROB for part in texts):
        return False
    return sum(map(_n_tokens, texts)) >= MORE_TOKENS * _n_tokens(whole)


def _n_tokens(text: WindowText) -> int:
    """Tokens of text: each segment has two timestamps besides."""
    return sum(max(0, len(segment.tokens) - 2) for segment in text.segments)


def fitted(segment: Segment, window: Window) -> Segment:
    """The segment without the silence it begins or ends with; with words it has none."""
    spoken = [
        (start, end)
        for start, end in window.speech
        if end > segment.start_s and start < segment.end_s
    ]
    if segment.words is not None or not spoken:
        return segment
    spoken_s = len(segment.tokens) / MAX_TOKENS_PER_S
    end_s = min(segment.end_s, max(spoken[-1][1] + LEAD_S, segment.start_s + spoken_s))
    start_s = max(segment.start_s, min(spoken[0][0] - LEAD_S, end_s - spoken_s))
    return msgspec.structs.replace(segment, start_s=round(start_s, 3), end_s=round(end_s, 3))


def _from(window: Window, start_s: float) -> Window:
    """The part of a window from an absolute time on."""
    first = round((start_s - window.start_s) * SAMPLE_RATE)
    speech = tuple((max(start, start_s), end) for start, end in window.speech if end > start_s)
    return replace(window, start_s=start_s, pcm=window.pcm[first:], speech=speech)


def _until(window: Window, end_s: float) -> Window:
    """The part of a window before an absolute time."""
    last = round((end_s - window.start_s) * SAMPLE_RATE)
    speech = tuple((start, min(end, end_s)) for start, end in window.speech if start < end_s)
    return replace(window, pcm=window.pcm[:last], speech=speech)
