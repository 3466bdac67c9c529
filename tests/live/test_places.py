"""Whose audio is read next where not all can be read at a time."""

from __future__ import annotations

from functools import partial

from auricle.live.places import MAX_OVERDUE_S, ReadingPlaces


class Streams:
    """What has begun to be read; ``quiet`` ones have nothing to read any more."""

    def __init__(self, n_places: int) -> None:
        self.places = ReadingPlaces()
        self.n_places = n_places
        self.begun: list[str] = []
        self.quiet: set[str] = set()
        self.overdue_s: dict[str, float] = {}

    def ask(self, stream: str) -> None:
        begin = partial(self.begin, stream)
        self.places.ask(stream, begin, lambda: self.overdue_s.get(stream, 0.0), self.n_places)

    def begin(self, stream: str) -> None:
        if stream not in self.quiet:
            self.begun.append(stream)
            self.places.hold(stream)

    def end(self, stream: str) -> None:
        self.places.leave(stream, self.n_places)


def test_those_who_wait_begin_in_turn():
    streams = Streams(n_places=2)
    for stream in "abcdc":
        streams.ask(stream)
    assert streams.begun == ["a", "b"]
    streams.end("b")
    streams.ask("b")
    assert streams.begun == ["a", "b", "c"]
    streams.end("a")
    streams.end("c")
    assert streams.begun == ["a", "b", "c", "d", "b"]


def test_whose_words_are_latest_begins_first():
    streams = Streams(n_places=1)
    for stream in "abcde":
        streams.ask(stream)
    streams.overdue_s = {"b": 0.5, "c": 1.2, "d": 2 * MAX_OVERDUE_S, "e": 3 * MAX_OVERDUE_S}
    for stream in "adec":
        streams.end(stream)
    assert streams.begun == ["a", "d", "e", "c", "b"]


def test_a_place_nobody_needs_any_more_goes_to_the_next():
    streams = Streams(n_places=1)
    for stream in "abcd":
        streams.ask(stream)
    streams.quiet.add("b")
    streams.places.forget("c")
    streams.places.forget("never asked")
    streams.end("a")
    assert streams.begun == ["a", "d"]
    streams.end("never held one")


def test_who_cannot_wait_keeps_others_from_beginning():
    streams = Streams(n_places=2)
    streams.places.hold("final")
    streams.places.hold("another")
    streams.ask("a")
    assert streams.begun == []
    streams.end("final")
    assert streams.begun == ["a"]
