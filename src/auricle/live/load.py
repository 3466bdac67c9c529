"""How busy live streams keep a machine: how often each may be read, and whether there is room for
another.

Pure bookkeeping. Knows nothing about streams but what their readings cost.

When more people speak than engines can follow, every stream is read less often: fewer updates, none
of them late. Where that would be too seldom, further sessions are refused.
"""

from __future__ import annotations

from collections.abc import Hashable

from auricle.errors import Overloaded

BUSY_SHARE = 0.7
"""How much of the engine's time partial readings may take together; the rest is for final ones and
for files."""

MAX_INTERVAL_S = 1.2
"""The longest interval between readings of a stream: with it words still come within two seconds. A
session that would make it longer is refused."""

HURRIED_S = 0.5
"""Where an interval longer than this would be needed, partial readings are made to cost less."""

FIRST_COST_S = 0.12
"""What a partial reading is taken to cost until one was made."""

KEPT = 0.8
"""How much of the mean cost of a stream's readings comes from those before the last."""

RETRY_AFTER_S = 10.0


class LiveLoad:
    """The live streams of one machine."""

    def __init__(self, max_sessions: int) -> None:
        self._max_sessions = max_sessions
        self._costs_s: dict[Hashable, float] = {}
        """Mean cost of a partial reading of each open stream, in seconds of one worker."""
        self._speaking: set[Hashable] = set()
        self._usual_s = FIRST_COST_S

    def __len__(self) -> int:
        return len(self._costs_s)

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
        if self._speaking and self._needed_s(n_workers, self._usual_s) > MAX_INTERVAL_S:
            n = len(self._speaking)
            people = "1 person is" if n == 1 else f"{n} people are"
            raise _overloaded(f"{people} speaking to this server, which is all it can follow")
        self._costs_s[stream] = self._usual_s

    def leave(self, stream: Hashable) -> None:
        """The stream is over; fine if it never was."""
        self._costs_s.pop(stream, None)
        self._speaking.discard(stream)

    def speaks(self, stream: Hashable, *, is_speaking: bool) -> None:
        """Somebody begins to speak in a stream, or stops."""
        if is_speaking:
            self._speaking.add(stream)
        else:
            self._speaking.discard(stream)

    def note(self, stream: Hashable, cost_s: float) -> None:
        """A partial reading of the stream took so many seconds of a worker."""
        self._costs_s[stream] = _mean(self._costs_s[stream], cost_s)
        self._usual_s = _mean(self._usual_s, cost_s)

    def interval_s(self, min_s: float, n_workers: int) -> float:
        """Audio between the beginnings of a stream's readings, at least ``min_s``."""
        return max(min_s, self._needed_s(n_workers))

    def is_crowded(self, n_workers: int) -> bool:
        """Whether more people speak than there are workers to read them one by one."""
        return len(self._speaking) > n_workers

    def is_hurried(self, n_workers: int) -> bool:
        """Whether the next reading should cost less. Once readings do, there is time again for full
        ones: under load the two alternate."""
        return self._needed_s(n_workers) > HURRIED_S

    def _needed_s(self, n_workers: int, more_s: float = 0.0) -> float:
        """The shortest interval in which all who speak can be read once, with one more who costs
        ``more_s``."""
        cost_s = sum(self._costs_s[stream] for stream in self._speaking) + more_s
        return cost_s / (n_workers * BUSY_SHARE)


def _mean(before_s: float, cost_s: float) -> float:
    return KEPT * before_s + (1 - KEPT) * cost_s


def _overloaded(reason: str) -> Overloaded:
    return Overloaded(
        f"{reason}; try again later.", code="rate_limit_exceeded", retry_after_s=RETRY_AFTER_S
    )
