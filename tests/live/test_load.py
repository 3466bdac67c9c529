"""How often streams are read, and when another is refused."""

from __future__ import annotations

import pytest

from auricle.errors import Overloaded
from auricle.live.load import ABSENT_S, CONNECTED_S, FORGOTTEN_S, NEW_S, LiveLoad


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def __call__(self) -> float:
        return self.at_s


def load(n_speaking: int, cost_s: float = 0.14, clock: Clock | None = None) -> LiveLoad:
    """So many streams that are spoken into, whose readings have long cost that much."""
    streams = LiveLoad(max_sessions=100, clock=clock or Clock())
    for stream in range(n_speaking):
        streams.enter(stream, n_workers=100)
        for _ in range(60):
            streams.note(stream, cost_s)
        streams.receive(stream, NEW_S)
        streams.speaks(stream, is_speaking=True)
    return streams


def hear(streams: LiveLoad, clock: Clock, seconds: float) -> None:
    """Everybody goes on sending."""
    clock.at_s += seconds
    for stream in range(len(streams)):
        streams.receive(stream, seconds)


def read(streams: LiveLoad, stream: int, clock: Clock, took_s: float) -> None:
    """A reading that begins now has its text so much later."""
    streams.begin(stream)
    hear(streams, clock, took_s)
    streams.note(stream, 0.1)


def test_the_interval_grows_with_those_who_speak():
    assert load(2).interval_s(0.32, n_workers=2) == 0.32
    streams = load(12)
    assert streams.interval_s(0.32, n_workers=2) == pytest.approx(12 * 0.14 / 3.2)
    streams.speaks(0, is_speaking=False)
    assert streams.interval_s(0.32, n_workers=2) == pytest.approx(11 * 0.14 / 3.2)
    streams.leave(1)
    assert streams.interval_s(0.32, n_workers=2) == pytest.approx(10 * 0.14 / 3.2)
    streams.leave("never seen")


def test_another_is_refused_where_all_would_be_read_too_seldom():
    streams = load(12)
    with pytest.raises(Overloaded, match=r"^12 people are speaking") as caught:
        streams.enter("more", n_workers=2)
    assert (caught.value.code, caught.value.retry_after_s) == ("rate_limit_exceeded", 10)
    streams.speaks(0, is_speaking=False)
    streams.enter("more", n_workers=2)


def test_whoever_begins_to_send_is_expected_to_speak():
    streams = load(11)
    streams.enter("idle", n_workers=2)
    streams.enter("idle, too", n_workers=2)
    streams.receive("idle", 0.1)
    with pytest.raises(Overloaded, match=r"^12 people are speaking"):
        streams.enter("more", n_workers=2)
    streams.receive("idle", NEW_S)
    streams.enter("more", n_workers=2)


def test_another_is_refused_while_words_are_late_and_only_then():
    clock = Clock()
    streams = load(2, cost_s=0.01, clock=clock)
    hear(streams, clock, 1.0)
    assert streams.lag_s == 1.0
    streams.enter("in time", n_workers=2)
    hear(streams, clock, 0.4)
    with pytest.raises(Overloaded, match=r"^2 people are speaking .* 1\.4 s behind"):
        streams.enter("more", n_workers=2)
    read(streams, 0, clock, 0.2)
    assert streams.lag_s == pytest.approx(1.6), "that is how late its text was"
    streams.begin(1)
    streams.note(1, 0.01)
    read(streams, 0, clock, 0.2)
    assert streams.lag_s == pytest.approx((0.4 + 1.6) / 2)
    streams.enter("more", n_workers=2)


def test_a_stream_is_late_only_while_somebody_speaks():
    clock = Clock()
    streams = load(1, clock=clock)
    hear(streams, clock, 9.0)
    assert streams.lag_s == 9.0
    streams.speaks(0, is_speaking=False)
    assert streams.lag_s == 0.0
    streams.speaks(0, is_speaking=True)
    streams.speaks(0, is_speaking=True)
    hear(streams, clock, 0.5)
    assert streams.lag_s == 0.5


def test_who_sends_nothing_more_in_the_middle_of_speech_keeps_nobody_out():
    """A microphone that was muted had the server refuse everybody, as it seemed ever later."""
    clock = Clock()
    streams = load(1, cost_s=1.0, clock=clock)
    hear(streams, clock, 0.3)
    read(streams, 0, clock, 0.2)
    clock.at_s += ABSENT_S
    assert streams.lag_s == 0.5, "as late as its last text was"
    clock.at_s += 0.1
    assert (streams.lag_s, streams.interval_s(0.32, n_workers=1)) == (0.0, 0.32)
    streams.enter("another", n_workers=1)


def test_who_is_far_behind_is_late_though_no_more_audio_is_taken_from_them():
    clock = Clock()
    streams = load(1, clock=clock)
    hear(streams, clock, 12.0)
    clock.at_s += 60.0
    assert streams.lag_s == 12.0


def test_who_has_sent_little_long_ago_speaks_no_more():
    clock = Clock()
    streams = load(11, clock=clock)
    streams.enter("a command", n_workers=2)
    streams.receive("a command", 2.0)
    with pytest.raises(Overloaded):
        streams.enter("more", n_workers=2)
    clock.at_s += 2 * NEW_S
    for stream in range(11):
        streams.receive(stream, 0.1)
    with pytest.raises(Overloaded, match=r"10\.0 s behind"):
        streams.enter("more", n_workers=2)
    for stream in range(11):
        streams.begin(stream)
        streams.note(stream, 0.14)
        streams.begin(stream)
        streams.note(stream, 0.14)
    streams.enter("more", n_workers=2)


def test_what_readings_cost_long_ago_is_forgotten():
    clock = Clock()
    streams = load(1, cost_s=3.0, clock=clock)
    streams.leave(0)
    streams.enter("a", n_workers=2)
    streams.receive("a", 0.1)
    with pytest.raises(Overloaded):
        streams.enter("b", n_workers=2)
    streams.leave("a")
    clock.at_s += FORGOTTEN_S + 1
    for stream in "abcd":
        streams.enter(stream, n_workers=2)
        streams.receive(stream, 0.1)


def test_what_a_trial_found_counts_until_streams_are_read():
    streams = load(0)
    streams.measure(0.4)
    assert streams.knows_cost
    for stream in "abcd":
        streams.enter(stream, n_workers=2)
        streams.receive(stream, 0.1)
    with pytest.raises(Overloaded, match=r"^4 people are speaking"):
        streams.enter("e", n_workers=2)


def test_those_who_have_just_come_may_yet_speak():
    clock = Clock()
    streams = load(11, clock=clock)
    assert not streams.is_unsure(n_workers=2), "one more can be followed"
    streams.enter("a", n_workers=2)
    assert streams.is_unsure(n_workers=2), "but not two"
    assert not streams.is_unsure(n_workers=3)
    streams.receive("a", 0.1)
    assert not streams.is_unsure(n_workers=2), "for certain"
    streams.leave("a")
    streams.enter("b", n_workers=2)
    clock.at_s += CONNECTED_S
    assert not streams.is_unsure(n_workers=2), "who says nothing for so long counts for nothing"


def test_a_stream_that_has_left_counts_no_more():
    clock = Clock()
    streams = load(1, clock=clock)
    streams.begin(0)
    streams.leave(0)
    streams.receive(0, 1.0)
    streams.speaks(0, is_speaking=True)
    streams.begin(0)
    streams.note(0, 0.1)
    clock.at_s += 9.0
    assert (len(streams), streams.lag_s) == (0, 0.0)


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


def test_readings_cost_less_where_words_are_late_for_whatever_reason():
    clock = Clock()
    streams = load(1, cost_s=0.1, clock=clock)
    hear(streams, clock, 0.7)
    assert not streams.is_hurried(n_workers=2)
    hear(streams, clock, 0.2)
    assert streams.is_hurried(n_workers=2)
