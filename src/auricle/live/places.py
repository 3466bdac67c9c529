"""Whose audio is read next, where more streams want to be read than an engine reads at a time.

Pure bookkeeping. Knows nothing about audio or engines.

A partial reading takes its audio when its place is free, not when it was due: what waits is the
wish to be read, so a busy engine means fewer readings of a stream, and none of old audio. Final
readings have all their audio, and wait in the model's queue, before partial ones. Of those who
wait, the one begins whose listeners have waited longest for a word.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

MAX_OVERDUE_S = 3.0
"""Who is later than that comes no sooner for it: where nobody agrees on what is said, as in music,
words are late however often they are read."""


class _Waiting(NamedTuple):
    begin: Callable[[], None]
    overdue_s: Callable[[], float]


class ReadingPlaces:
    """Those who are read, and those who wait for it."""

    def __init__(self) -> None:
        self._held: set[Hashable] = set()
        self._waiting: dict[Hashable, _Waiting] = {}

    def ask(
        self,
        stream: Hashable,
        begin: Callable[[], None],
        overdue_s: Callable[[], float],
        n_places: int,
    ) -> None:
        """Have ``begin`` called once fewer than ``n_places`` are held, which may be now; it holds
        one, if there is still something to read. ``overdue_s`` tells how late it is by then. Who
        asks again keeps their turn among those who are as late."""
        self._waiting.setdefault(stream, _Waiting(begin, overdue_s))
        self._fill(n_places)

    def hold(self, reading: Hashable) -> None:
        """A reading begins, whether there is a place or not."""
        self._held.add(reading)

    def leave(self, reading: Hashable, n_places: int) -> None:
        """A reading is over; fine if it held no place."""
        self._held.discard(reading)
        self._fill(n_places)

    def forget(self, stream: Hashable) -> None:
        """A stream does not wait any more; fine if it did not."""
        self._waiting.pop(stream, None)

    def _fill(self, n_places: int) -> None:
        while self._waiting and len(self._held) < n_places:
            self._waiting.pop(max(self._waiting, key=self._overdue_s)).begin()

    def _overdue_s(self, stream: Hashable) -> float:
        return min(self._waiting[stream].overdue_s(), MAX_OVERDUE_S)
