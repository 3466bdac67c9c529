"""Which job runs next: start-time fair queueing over requests, in two stages.

Knows nothing about clocks, threads, models or audio: windows are numbers in queues.

Every window is encoded, then decoded. Requests are served in proportion to their priority's weight:
a window's tag is the virtual time at which a perfectly fair server would start it (Goyal, Vin and
Cheng, 1996), and the smallest tag runs first. A request that just arrived starts at the present
virtual time, so a short one never queues behind a long one that came earlier; and as virtual time
passes every tag in turn, nothing starves.

Windows whose keys are equal are run together, because the processor likes it. An encoded window
waits for such company only while something of its own priority is next to be encoded, or something
more urgent, and for at most a batch of jobs; one that is decoded again does not wait, or each step
of its ladder would. There is no timer, so an idle server adds no wait.

Why it is so: docs/decisions.md, Structure.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

MAX_ROWS = 16
"""Windows in a batch at most, however short: the first has its text only when the last has."""


MIN_PASSED_OVER = 4
"""An encoded window lets at least so many jobs go first, if they are more urgent."""


PATIENCE_S = 2.0
"""While people speak, a recording's window may be overtaken by as much virtual time as that takes,
seconds of audio at weight 1, before it gets the worker that is kept free for them."""


class Priority(IntEnum):
    """What a window is for, the most urgent first."""

    LIVE_FINAL = 0
    LIVE_PARTIAL = 1
    SHORT = 2
    """The first minute of a recording: short files are no more, and long ones start quickly."""
    LONG = 3
    BACKGROUND = 4
    """Nobody waits for it."""

    @property
    def weight(self) -> float:
        """Share of the engine against a LONG request's 1."""
        return (8.0, 4.0, 4.0, 1.0, 0.1)[self]


class BatchKey(NamedTuple):
    """What jobs of the second stage have in common that run together."""

    key: Hashable
    cost: int
    """Of each of them, in the unit of `Policy.batch_cost`."""


class Encode(NamedTuple):
    """Run the first stage of these windows in one call."""

    window_ids: tuple[int, ...]
    length: Hashable


class Decode(NamedTuple):
    """Run the second stage of these windows in one call."""

    window_ids: tuple[int, ...]
    batch: BatchKey


@dataclass(slots=True)
class QueueEntry:
    """A window in a queue. ``tag`` and ``priority`` stay the same through both stages."""

    window_id: int
    request_id: int
    priority: Priority
    tag: float
    length: Hashable
    """Windows of equal length may be encoded together."""
    batch: BatchKey | None = None
    """None until encoded."""
    passed_over: int = 0
    is_retry: bool = False
    """It was decoded before, and has waited for company then."""

    @property
    def is_live(self) -> bool:
        return self.priority <= Priority.LIVE_PARTIAL

    @property
    def order(self) -> tuple[float, Priority, int]:
        return self.tag, self.priority, self.window_id


@dataclass(slots=True)
class Policy:
    """The queues of one model. Pure bookkeeping: `choose` removes what it returns."""

    batch_cost: int
    """What the jobs of a batch may cost together."""
    encode_rows: int = 1
    """Windows encoded together: on a CPU more than one gains nothing."""
    n_workers: int = 1
    speaking: set[int] = field(default_factory=set)
    """Live requests with speech that is not read yet: of several workers, one is kept free for
    them, as a call for a recording can take seconds."""
    _entries: dict[int, QueueEntry] = field(default_factory=dict)
    _finish: dict[int, float] = field(default_factory=dict)
    _now: float = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def arrive(
        self, window_id: int, request_id: int, priority: Priority, audio_s: float, length: Hashable
    ) -> QueueEntry:
        """Queue a window of a request for encoding. The entry returned is put back with `wait`."""
        tag = max(self._now, self._finish.get(request_id, 0.0))
        self._finish[request_id] = tag + audio_s / priority.weight
        entry = QueueEntry(window_id, request_id, priority, tag, length)
        self._entries[window_id] = entry
        return entry

    def wait(self, entry: QueueEntry, length: Hashable, batch: BatchKey | None) -> None:
        """Put a window back in its old place: to be decoded as ``batch``, or encoded if None."""
        entry.is_retry = entry.is_retry or entry.batch is not None
        entry.length, entry.batch, entry.passed_over = length, batch, 0
        self._entries[entry.window_id] = entry

    def leave(self, window_id: int) -> None:
        """Forget a window that is waiting; one that is not is fine."""
        self._entries.pop(window_id, None)

    def forget_request(self, request_id: int) -> None:
        """The request is over; its fair share is not remembered."""
        self._finish.pop(request_id, None)

    def choose(self, n_free: int = 1, *, is_recording_read: bool = False) -> Encode | Decode | None:
        """The next job for one of ``n_free`` workers, or None when nothing waits. The last windows
        are shared out among them rather than decoded by one while the others look on.
        ``is_recording_read``: a call for a recording runs now."""
        entries = list(self._entries.values())
        if n_free == 1 and self.n_workers > 1 and self.speaking:
            entries = [
                e for e in entries if e.is_live or (self._is_due(e) and not is_recording_read)
            ]
        waiting = sorted((e for e in entries if e.batch is None), key=lambda e: e.order)
        encoded = sorted((e for e in entries if e.batch), key=self._decoding_order)
        group = self._group(encoded)
        if group and self._is_time(group, encoded, waiting):
            share = len(group) if waiting else -(-len(group) // n_free)
            return self._decode(group[:share], encoded)
        if waiting:
            return self._encode(waiting, encoded)
        return None

    def _is_due(self, entry: QueueEntry) -> bool:
        """Whether live windows have had more than their share before it."""
        return self._now > entry.tag + PATIENCE_S

    def _decoding_order(
        self, entry: QueueEntry
    ) -> tuple[bool, Priority, tuple[float, Priority, int]]:
        """The urgent first (how many of them there are was fair when they were encoded), but who
        has waited enough before all."""
        return not self._is_overdue(entry), entry.priority, entry.order

    def _is_overdue(self, entry: QueueEntry) -> bool:
        assert entry.batch is not None
        rows = rows_together(self.batch_cost, entry.batch)
        return entry.passed_over >= max(rows, MIN_PASSED_OVER)

    def _group(self, encoded: list[QueueEntry]) -> list[QueueEntry]:
        """The encoded windows that decode with the first in line, at most a batch; of one LONG
        or BACKGROUND request at most half a batch while anybody else waits, so that it never blocks
        for long."""
        if not encoded:
            return []
        batch = encoded[0].batch
        assert batch is not None
        rows = rows_together(self.batch_cost, batch)
        if self.speaking and self.n_workers == 1 and not encoded[0].is_live:
            rows = 1  # those who speak need the worker back
        group: list[QueueEntry] = []
        for entry in encoded:
            if entry.batch == batch and not self._has_its_half(entry, group, rows):
                group.append(entry)
        return group[:rows]

    def _has_its_half(self, entry: QueueEntry, group: list[QueueEntry], rows: int) -> bool:
        if entry.priority < Priority.LONG:
            return False
        n_own = sum(other.request_id == entry.request_id for other in group)
        return n_own >= max(1, rows // 2) and any(
            other.request_id != entry.request_id for other in self._entries.values()
        )

    def _is_time(
        self, group: list[QueueEntry], encoded: list[QueueEntry], waiting: list[QueueEntry]
    ) -> bool:
        """Whether to decode now rather than to wait for company."""
        head = group[0]
        assert head.batch is not None
        if not waiting or head.is_retry or self._is_overdue(head):
            return True
        if len(encoded) >= 2 * MAX_ROWS:
            return True
        if waiting[0].priority != head.priority:
            return head.priority < waiting[0].priority
        return len(group) >= rows_together(self.batch_cost, head.batch)

    def _encode(self, waiting: list[QueueEntry], encoded: list[QueueEntry]) -> Encode:
        first = waiting[0]
        rows = [entry for entry in waiting if entry.length == first.length][: self.encode_rows]
        self._now = max(self._now, first.tag)
        self._take(rows, encoded)
        return Encode(tuple(entry.window_id for entry in rows), first.length)

    def _decode(self, group: list[QueueEntry], encoded: list[QueueEntry]) -> Decode:
        batch = group[0].batch
        assert batch is not None
        self._take(group, encoded)
        return Decode(tuple(entry.window_id for entry in group), batch)

    def _take(self, entries: Sequence[QueueEntry], encoded: Sequence[QueueEntry]) -> None:
        for entry in entries:
            del self._entries[entry.window_id]
        for entry in encoded:
            entry.passed_over += 1


def rows_together(batch_cost: int, batch: BatchKey) -> int:
    """How many such windows a batch holds."""
    return min(MAX_ROWS, max(1, batch_cost // batch.cost))
