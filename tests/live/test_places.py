"""Whose audio is read next where not all can be read at a time."""

from __future__ import annotations

from functools import partial

from auricle.live.places import ReadingPlaces


class Streams:
    """What has begun to be read; ``quiet`` ones have nothing to read any more."""

    def __init__(self, n_places: int) -> None:
        self.places = ReadingPlaces()
        self.n_places = n_places
        self.begun: list[str] = []
        self.quiet: set[str] = set()

    def ask(self, stream: str) -> None:
        self.places.ask(stream, partial(self.begin, stream), self.n_places)

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
