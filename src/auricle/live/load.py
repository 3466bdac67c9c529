"""How busy live streams keep a machine: how often each may be read, and whether there is room for
another.

Pure bookkeeping. Knows nothing about streams but what their readings cost, and how late they are.

When more people speak than engines can follow, every stream is read less often: fewer updates, none
of them of old audio. Where that would be too seldom, or is, further sessions are refused. What
decides that is measured of those who speak now; nothing else is remembered for long.

Why it is so: docs/decisions.md, Live streams.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from auricle.errors import Overloaded

BUSY_SHARE = 1.1
"""How much of the engine's time there is for partial readings: a little more than all of it, as
some come later than they are due, in a pause or with the next audio."""

DUE_SHARE = 1.6
"""How much of it they may be due for: those that are too many wait without audio, so that there is
a choice of whom to read next."""

MAX_INTERVAL_S = 0.8
"""Streams are read at least so often, or others are refused."""

MAX_LAG_S = 1.3
"""Others are refused while those who speak see their words later than that: with what a word waits
for others behind it, it is committed within two seconds."""

HURRIED_S = 0.33
"""Where people can be read so often only if each reading costs less, it does."""

HURRIED_LAG_S = 0.8
"""Words so late are as much of a reason: something else keeps the engine busy, too."""

FIRST_COST_S = 0.08
"""What a partial reading is taken to cost until one was made."""

KEPT = 0.8
"""How much of the mean cost of a stream's readings comes from those before the last."""

FORGOTTEN_S = 60.0
"""What readings cost before is not believed any more when none was made for so long."""

NEW_S = 5.0
"""Whoever begins to send audio is taken for somebody who speaks until so much of it has come, or
twice as long has gone by."""

CONNECTED_S = 1.0
"""Whoever has connected and sent nothing may yet begin to speak; those who come after so long are
not."""

ABSENT_S = 5.0
"""Who has sent nothing for so long does not speak, if all that came is read."""

RETRY_AFTER_S = 10.0


@dataclass(slots=True)
class _Stream:
    """Times are the clock's."""

    cost_s: float
    """Mean cost of a partial reading, in seconds of one worker."""
    entered_s: float
    """When it connected."""
    received_s: float = 0.0
    first_at_s: float = 0.0
    last_at_s: float = 0.0
    """When audio came for the first time, and for the last."""
    is_speaking: bool = False
    lag_s: float = 0.0
    """How long ago the oldest audio had come that the last text was the first to have."""
    unread_since_s: float = 0.0
    """When the oldest audio came that no text has."""
    begun_s: float = 0.0
    """When the reading that runs took its audio."""

    @property
    def waits_s(self) -> float:
        """For how long what came last has had audio before it that no text has."""
        return self.last_at_s - self.unread_since_s

    def speaks(self, now_s: float) -> bool:
        """Whether it counts as speaking. Who goes silent by sending nothing does not stop."""
        is_here = now_s - self.last_at_s <= ABSENT_S or self.waits_s > MAX_LAG_S
        return self.is_speaking and is_here

    def has_just_come(self, now_s: float) -> bool:
        """Whether it has connected, and nothing is known of it."""
        return self.received_s == 0 and now_s - self.entered_s < CONNECTED_S

    def may_speak(self, now_s: float) -> bool:
        """Whether it speaks, or has only begun to send."""
        is_new = 0 < self.received_s < NEW_S and now_s - self.first_at_s < 2 * NEW_S
        return is_new or self.speaks(now_s)


class LiveLoad:
    """The live streams of one machine. ``clock`` is in seconds."""

    def __init__(self, max_sessions: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_sessions = max_sessions
        self._clock = clock
        self._streams: dict[Hashable, _Stream] = {}
        self._usual_s = FIRST_COST_S
        self._noted_s: float | None = None
        """When a reading was noted last."""

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def lag_s(self) -> float:
        """How old what was said last is when its text comes: the mean of all who speak now. What
        waits for its text counts as soon as it waits for longer than the text before it."""
        lags_s = [max(each.lag_s, each.waits_s) for each in self._speaking]
        return sum(lags_s) / len(lags_s) if lags_s else 0.0

    def is_unsure(self, n_workers: int) -> bool:
        """Whether another would be refused if those who have just come speak: then it had better be
        let in, or not, after `CONNECTED_S`."""
        now_s = self._clock()
        come_s = [each.cost_s for each in self._streams.values() if each.has_just_come(now_s)]
        return bool(come_s) and self._is_full([*come_s, *self._costs_s], n_workers)

    def enter(self, stream: Hashable, n_workers: int) -> None:
        """Take in another stream, whose engine makes so many calls at a time.

        Raises:
            Overloaded: there are as many as allowed, or those there are keep the machine busy.
        """
        if len(self) >= self._max_sessions:
            raise _overloaded(
                f"{self._max_sessions} live sessions at one time are the limit of this server "
                "(max_live_sessions)"
            )
        costs_s, lag_s = self._costs_s, self.lag_s
        n_people = len(costs_s)
        people = "1 person is" if n_people == 1 else f"{n_people} people are"
        if lag_s > MAX_LAG_S:
            raise _overloaded(
                f"{people} speaking to this server, which is {lag_s:.1f} s behind them already"
            )
        if self._is_full(costs_s, n_workers):
            raise _overloaded(f"{people} speaking to this server, which is all it can follow")
        self._streams[stream] = _Stream(self._recent_cost_s(), self._clock())

    def leave(self, stream: Hashable) -> None:
        """The stream is over; fine if it never was."""
        self._streams.pop(stream, None)

    def receive(self, stream: Hashable, audio_s: float) -> None:
        """More audio of a stream has come."""
        if (own := self._streams.get(stream)) is not None:
            own.last_at_s = self._clock()
            if own.received_s == 0:
                own.first_at_s = own.last_at_s
            own.received_s += audio_s

    def speaks(self, stream: Hashable, *, is_speaking: bool) -> None:
        """Somebody begins to speak in a stream, or stops."""
        if (own := self._streams.get(stream)) is None:
            return
        if is_speaking and not own.is_speaking:
            own.lag_s, own.unread_since_s = 0.0, own.last_at_s
        own.is_speaking = is_speaking

    def begin(self, stream: Hashable) -> None:
        """A partial reading of the stream takes what has come of it."""
        if (own := self._streams.get(stream)) is not None:
            own.begun_s = self._clock()

    def note(self, stream: Hashable, cost_s: float) -> None:
        """That reading has its text, and took so many seconds of a worker."""
        self.measure(_mean(self._recent_cost_s(), cost_s))
        if (own := self._streams.get(stream)) is not None:
            own.cost_s = _mean(own.cost_s, cost_s)
            own.lag_s = self._clock() - own.unread_since_s
            own.unread_since_s = own.begun_s

    @property
    def knows_cost(self) -> bool:
        """Whether anything was measured lately."""
        return self._noted_s is not None and self._clock() - self._noted_s <= FORGOTTEN_S

    def measure(self, cost_s: float) -> None:
        """Somebody has found out what a reading costs now."""
        self._usual_s, self._noted_s = cost_s, self._clock()

    def interval_s(self, min_s: float, n_workers: int) -> float:
        """Audio between the beginnings of a stream's readings, at least ``min_s``."""
        return max(min_s, self._needed_s(n_workers) * BUSY_SHARE / DUE_SHARE)

    def is_crowded(self, n_workers: int) -> bool:
        """Whether more people speak than there are workers to read them one by one."""
        return len(self._speaking) > n_workers

    def is_hurried(self, n_workers: int) -> bool:
        """Whether the next reading should cost less. Once readings do, there is time again for full
        ones: under load the two alternate."""
        return self._needed_s(n_workers) > HURRIED_S or self.lag_s > HURRIED_LAG_S

    @property
    def _speaking(self) -> list[_Stream]:
        now_s = self._clock()
        return [each for each in self._streams.values() if each.speaks(now_s)]

    @property
    def _costs_s(self) -> list[float]:
        """What readings cost of all who speak, or have only begun to send."""
        now_s = self._clock()
        return [each.cost_s for each in self._streams.values() if each.may_speak(now_s)]

    def _is_full(self, costs_s: Sequence[float], n_workers: int) -> bool:
        """Whether with one more, these could not all be read often enough."""
        interval_s = _interval_s(sum(costs_s) + self._recent_cost_s(), n_workers)
        return bool(costs_s) and interval_s > MAX_INTERVAL_S

    def _needed_s(self, n_workers: int) -> float:
        """The shortest interval in which all who speak can be read once."""
        return _interval_s(sum(each.cost_s for each in self._speaking), n_workers)

    def _recent_cost_s(self) -> float:
        """What a reading costs as far as that was measured lately."""
        return self._usual_s if self.knows_cost else FIRST_COST_S


def _interval_s(cost_s: float, n_workers: int) -> float:
    return cost_s / (n_workers * BUSY_SHARE)


def _mean(before_s: float, cost_s: float) -> float:
    return KEPT * before_s + (1 - KEPT) * cost_s


def _overloaded(reason: str) -> Overloaded:
    return Overloaded(
        f"{reason}; try again later.", code="rate_limit_exceeded", retry_after_s=RETRY_AFTER_S
    )
