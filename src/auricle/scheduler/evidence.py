"""What voice detection says about a text: where it leaves off too early, when it is really spoken.

Knows nothing about queues or engines: a window and its text in, a decision out.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from auricle.engine.protocol import WindowText
from auricle.types import SAMPLE_RATE, Segment, Window

MIN_UNREAD_S = 1.0
"""Speech behind the last timestamp that must have been missed. Timestamps are often half a second
early; on 253 clips never more than 0.7 s, unless words were missing."""

LEAD_S = 0.3
"""Audio kept before speech that is read again, and time kept around a segment's speech: soft first
and last sounds are not detected."""

MIN_PROGRESS_S = 1.0

MAX_TOKENS_PER_S = 14
"""Nobody speaks faster: a segment is not made shorter than its text takes."""


def unread(window: Window, text: WindowText) -> Window | None:
    """The part of a window that is to be read on its own, because the text does not reach it."""
    if text.rest_s is not None:
        return _from(window, text.rest_s)
    if text.read_to_s is None:
        return None
    read_to_s = text.read_to_s
    missed = [(start, end) for start, end in window.speech if end > read_to_s]
    if sum(end - max(start, read_to_s) for start, end in missed) < MIN_UNREAD_S:
        return None
    started_s = missed[0][0]
    if read_to_s - started_s < MIN_UNREAD_S:  # not in the middle of it, then
        before = (end for _, end in window.speech if end <= started_s)
        start_s = max(started_s - LEAD_S, max(before, default=window.start_s))
    else:
        start_s = read_to_s
    return _from(window, start_s) if start_s - window.start_s >= MIN_PROGRESS_S else None


def fitted(segment: Segment, window: Window) -> Segment:
    """The segment without the silence it begins or ends with; with words it has none."""
    heard = [
        (start, end)
        for start, end in window.speech
        if end > segment.start_s and start < segment.end_s
    ]
    if segment.words is not None or not heard:
        return segment
    spoken_s = len(segment.tokens) / MAX_TOKENS_PER_S
    end_s = min(segment.end_s, max(heard[-1][1] + LEAD_S, segment.start_s + spoken_s))
    start_s = max(segment.start_s, min(heard[0][0] - LEAD_S, end_s - spoken_s))
    return msgspec.structs.replace(segment, start_s=round(start_s, 3), end_s=round(end_s, 3))


def _from(window: Window, start_s: float) -> Window:
    """The part of a window from an absolute time on."""
    first = round((start_s - window.start_s) * SAMPLE_RATE)
    speech = tuple((max(start, start_s), end) for start, end in window.speech if end > start_s)
    return replace(window, start_s=start_s, pcm=window.pcm[first:], speech=speech)
