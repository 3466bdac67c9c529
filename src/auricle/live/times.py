"""How quickly the words of a live stream come, and how often they are corrected: told to an
observer as effects go out.

Knows nothing about how words are found, or what becomes of them.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from auricle.live.commit import spelling
from auricle.live.effects import (
    Effect,
    Final,
    ReadRequest,
    SpeechPaused,
    TurnEnded,
    TurnFailed,
    TurnStarted,
    Update,
)
from auricle.telemetry.observe import Observer
from auricle.types import Word

KEPT_PIECES = 4096
"""How many pieces of audio are remembered by when they came: 80 s of those that browsers send."""


class Arrivals:
    """When each part of a stream's audio was received."""

    def __init__(self) -> None:
        self._to_s: deque[float] = deque(maxlen=KEPT_PIECES)
        self._at_s: deque[float] = deque(maxlen=KEPT_PIECES)

    def note(self, to_s: float, at_s: float) -> None:
        """The stream has come up to there now."""
        self._to_s.append(to_s)
        self._at_s.append(at_s)

    def of(self, position_s: float) -> float | None:
        """When the stream had come up to there, or all that has come of it, where a word seems to
        end behind that; None if nothing has."""
        index = min(bisect_left(self._to_s, position_s), len(self._at_s) - 1)
        return self._at_s[index] if index >= 0 else None


class LiveTimes:
    """Watches one stream. ``clock`` is in seconds."""

    def __init__(self, observer: Observer, clock: Callable[[], float] = time.monotonic) -> None:
        self._observer = observer
        self._clock = clock
        self._arrivals = Arrivals()
        self._started_s: dict[int, float] = {}
        """Turns of which nothing was read yet."""
        self._ended_s: dict[int, float] = {}
        """Turns that are not final yet."""
        self._tentative: tuple[Word, ...] = ()
        self._last_partial: tuple[int, float] | None = None
        """The turn that was read last, and up to where, while its speaker goes on."""

    def receive(self, now_s: float) -> None:
        """Audio has come, up to ``now_s`` of the stream."""
        self._arrivals.note(now_s, self._clock())

    def begin(self, request: ReadRequest, interval_s: float) -> None:
        """A reading begins; while somebody speaks one is due every ``interval_s`` of audio."""
        last, self._last_partial = self._last_partial, None
        if request.kind == "final":
            return
        self._last_partial = request.turn, request.end_s
        if last is not None and last[0] == request.turn:
            n_skipped = int((request.end_s - last[1]) / interval_s) - 1
            if n_skipped > 0:
                self._observer.count("live_updates_skipped", n_skipped)

    def look(self, effect: Effect) -> None:
        """Something goes out to whoever listens."""
        match effect:
            case TurnStarted():
                self._started_s[effect.turn] = self._clock()
            case SpeechPaused():
                self._last_partial = None
            case TurnEnded():
                self._ended_s[effect.turn] = self._clock()
            case Update():
                self._update(effect)
            case Final() | TurnFailed():
                self._end(effect.turn)

    def forget(self) -> None:
        """The open turn was dropped, with what was tentative."""
        self._started_s.clear()
        self._tentative, self._last_partial = (), None

    def _update(self, update: Update) -> None:
        now_s = self._clock()
        started_s = self._started_s.pop(update.turn, None)
        if started_s is not None:
            self._observer.record("first_text_s", now_s - started_s, of="turn")
        for word in update.committed:
            received_s = self._arrivals.of(word.end_s)
            if received_s is not None:
                self._observer.record("live_commit_s", now_s - received_s)
        n_corrected = corrected(self._tentative, (*update.committed, *update.tentative))
        if n_corrected:
            self._observer.count("live_corrections", n_corrected)
        self._tentative = update.tentative

    def _end(self, turn: int) -> None:
        self._started_s.pop(turn, None)  # nothing was said in it
        self._tentative = ()
        ended_s = self._ended_s.pop(turn, None)
        if ended_s is not None:
            self._observer.record("live_final_s", self._clock() - ended_s)


def corrected(before: Sequence[Word], after: Sequence[Word]) -> int:
    """How many of the words ``before`` are not there any more, whatever their case and
    punctuation."""
    old, new = ([spelling(word.text) for word in words] for words in (before, after))
    if old == new[: len(old)]:
        return 0
    matching = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return len(old) - sum(block.size for block in matching)
