"""How quickly the text of a recording comes, for an observer.

Knows nothing about windows, or how they are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from auricle.telemetry.observe import NULL_OBSERVER, Observer

MAX_SHORT_S = 60.0
"""Recordings up to so long are told apart: what is done once weighs more in them."""


class RecordingTimes:
    """Watches one recording, from its being there whole. ``clock`` is in seconds."""

    def __init__(
        self,
        observer: Observer = NULL_OBSERVER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observer = observer
        self._clock = clock
        self._begun_s = clock()
        self._has_text = False

    def text(self) -> None:
        """Text of it goes out."""
        if not self._has_text:
            self._has_text = True
            self._observer.record("first_text_s", self._age_s(), of="recording")

    def end(self, duration_s: float) -> None:
        """All of its text is out; it is so long."""
        age_s = self._age_s()
        self._observer.record("recording_s", age_s)
        if duration_s > 0:
            length = "short" if duration_s <= MAX_SHORT_S else "long"
            self._observer.record("real_time_factor", age_s / duration_s, length=length)

    def _age_s(self) -> float:
        return self._clock() - self._begun_s
