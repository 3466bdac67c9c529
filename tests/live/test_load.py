"""How often streams are read, and when another is refused."""

from __future__ import annotations

import pytest

from auricle.errors import Overloaded
from auricle.live.load import LiveLoad


def load(n_speaking: int, cost_s: float = 0.14) -> LiveLoad:
    """So many streams that are spoken into, whose readings have long cost that much."""
    streams = LiveLoad(max_sessions=100)
    for stream in range(n_speaking):
        streams.enter(stream, n_workers=100)
        for _ in range(60):
            streams.note(stream, cost_s)
        streams.speaks(stream, is_speaking=True)
    return streams


def test_the_interval_grows_with_those_who_speak():
    assert load(2).interval_s(0.32, n_workers=2) == 0.32
    streams = load(8)
    assert streams.interval_s(0.32, n_workers=2) == pytest.approx(0.8)
    streams.speaks(0, is_speaking=False)
    assert streams.interval_s(0.32, n_workers=2) == pytest.approx(0.7)
    streams.leave(1)
    assert streams.interval_s(0.32, n_workers=2) == pytest.approx(0.6)
    streams.leave("never seen")


def test_another_is_refused_where_all_would_be_read_too_seldom():
    streams = load(12)
    with pytest.raises(Overloaded, match=r"^12 people are speaking") as caught:
        streams.enter("more", n_workers=2)
    assert (caught.value.code, caught.value.retry_after_s) == ("rate_limit_exceeded", 10)
    streams.speaks(0, is_speaking=False)
    streams.enter("more", n_workers=2)


def test_a_stream_that_is_alone_is_never_refused():
    load(0, cost_s=5.0).enter("slow", n_workers=1)


def test_streams_are_read_together_where_more_speak_than_can_be_read_at_a_time():
    streams = load(3)
    assert streams.is_crowded(n_workers=2)
    assert not streams.is_crowded(n_workers=3)
    streams.speaks(0, is_speaking=False)
    assert not streams.is_crowded(n_workers=2)


def test_readings_cost_less_where_there_is_no_time_for_more():
    assert not load(5).is_hurried(n_workers=2)
    assert load(6).is_hurried(n_workers=2)
    assert not load(6, cost_s=0.1).is_hurried(n_workers=2)
