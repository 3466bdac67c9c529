"""What an observer is told of how quickly a live stream's words come."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from auricle.errors import Overloaded
from auricle.live.effects import (
    Final,
    Kind,
    LiveWord,
    ReadRequest,
    SpeechPaused,
    TurnEnded,
    TurnStarted,
    Update,
)
from auricle.live.times import KEPT_PIECES, Arrivals, LiveTimes, corrected
from tests.live.streams import Streams

INTERVAL_S = 0.4


class Told:
    """An `Observer` that keeps what it is told."""

    def __init__(self) -> None:
        self.values: defaultdict[str, list[float]] = defaultdict(list)

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        self.values[name].append(n)

    def record(self, name: str, value: float, **labels: str) -> None:
        self.values[f"{name} of {labels['of']}" if labels else name].append(round(value, 3))


class Watched:
    """A stream that is watched on a clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at_s = 100.0
        self.told = Told()
        self.times = LiveTimes(self.told, lambda: self.at_s)

    def passes(self, seconds: float) -> None:
        self.at_s += seconds


def word(text: str, end_s: float = 0.0) -> LiveWord:
    return LiveWord(text=f" {text}", start_s=0.0, end_s=end_s, probability=0.9)


def words(text: str) -> tuple[LiveWord, ...]:
    return tuple(word(each) for each in text.split())


def reading(kind: Kind, end_s: float, turn: int = 1) -> ReadRequest:
    return ReadRequest(1, turn, kind, 0.0, end_s, np.zeros(0, np.float32), (), (), "", None)


def test_the_first_text_and_the_final_one():
    watched = Watched()
    watched.times.look(TurnStarted(1, 0.0))
    watched.passes(0.7)
    watched.times.look(Update(1, (), words("ask")))
    watched.passes(1.0)
    watched.times.look(Update(1, (), words("ask not")))
    watched.times.look(TurnEnded(1, 0.0, 2.0))
    watched.passes(0.25)
    watched.times.look(Final(1, 0.0, 2.0, (), None))
    assert watched.told.values == {"first_text_s of turn": [0.7], "live_final_s": [0.25]}


def test_a_turn_without_words_has_no_first_text():
    watched = Watched()
    for turn in (1, 2):
        watched.times.look(TurnStarted(turn, 0.0))
        watched.times.look(TurnEnded(turn, 0.0, 1.0))
        watched.times.look(Final(turn, 0.0, 1.0, (), None))
        watched.passes(5.0)
    watched.times.look(TurnStarted(3, 0.0))
    watched.times.forget()
    watched.times.look(Update(3, words("late"), ()))
    assert watched.told.values == {"live_final_s": [0.0, 0.0]}, "no audio, no delay of a word"


def test_words_are_committed_so_long_after_their_end_was_received():
    watched = Watched()
    for to_s in (0.5, 1.0, 1.5):
        watched.times.receive(to_s)
        watched.passes(0.5)
    committed = (word("ask", 0.4), word("not", 0.5), word("what", 1.2), word("ahead", 1.6))
    watched.times.look(Update(1, committed, ()))
    assert watched.told.values["live_commit_s"] == [1.5, 1.5, 0.5, 0.5]


def test_what_came_long_ago_is_forgotten():
    arrivals = Arrivals()
    for n in range(KEPT_PIECES + 10):
        arrivals.note(n * 0.02, float(n))
    assert arrivals.of(0.0) == 10.0
    assert arrivals.of(2.0) == 100.0
    assert arrivals.of(1000.0) == KEPT_PIECES + 9
    assert Arrivals().of(0.0) is None


def test_tentative_words_that_change_are_corrections():
    watched = Watched()
    for committed, tentative in (
        ("", "ask knot"),
        ("ask", "not what"),  # knot
        ("", "Not, what you"),
        ("not what", ""),  # you
        ("", "your"),
    ):
        watched.times.look(Update(1, words(committed), words(tentative)))
    assert watched.told.values["live_corrections"] == [1, 1]


@pytest.mark.parametrize(
    ("before", "after", "n"),
    [
        ("", "ask not", 0),
        ("ask not", "", 2),
        ("ask not", "Ask, not what", 0),
        ("one three four", "one two three four", 0),
        ("one two three", "one too three", 1),
    ],
)
def test_corrections_are_words_that_are_gone(before: str, after: str, n: int):
    assert corrected(words(before), words(after)) == n


def test_readings_that_were_due_are_skipped():
    watched = Watched()
    for request in (
        reading("partial", 1.0),
        reading("partial", 1.5),  # a piece of audio late
        reading("partial", 2.8),  # two were due
        reading("final", 3.0),
        reading("partial", 9.0),
        reading("partial", 20.0, turn=2),
    ):
        watched.times.begin(request, INTERVAL_S)
    watched.times.look(SpeechPaused(2, 20.0))
    watched.times.begin(reading("partial", 30.0, turn=2), INTERVAL_S)
    assert watched.told.values == {"live_updates_skipped": [2]}


async def test_streams_that_are_refused_are_counted():
    async with Streams(()) as streams, streams.opened(), streams.opened():
        with pytest.raises(Overloaded):
            async with streams.opened():
                pass
    assert streams.observer.names == ["live_refused"]
