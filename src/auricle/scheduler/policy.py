"""Which job runs next: start-time fair queueing over requests, in two stages.

Knows no clock, no thread, no model and no audio: windows are numbers in queues.

Every window is encoded, then decoded. Each request is served in proportion to its weight: a
window's tag is the virtual time at which a perfectly fair server would start it (Goyal, Vin and
Cheng, 1996), and the smallest tag runs first. A request that just arrived starts at the present
virtual time, so a short one never queues behind a long one that came earlier.

Decoding likes company: windows that agree on their `Batch` are decoded together. A window waits
for company only while there is something to encode, and lets at most `MAX_PASSED_OVER` jobs go
first. There is no timer, so an idle server adds no wait.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

MAX_PASSED_OVER = 2
"""Jobs that may start while an encoded window waits for others to decode with."""


class Batch(NamedTuple):
    """What CTranslate2 demands that windows decoded together share."""

    beam_size: int
    temperature: float
    n_prompt_tokens: int


class Encode(NamedTuple):
    window_id: int


class Decode(NamedTuple):
    window_ids: tuple[int, ...]
    batch: Batch


@dataclass(slots=True)
class _Entry:
    window_id: int
    tag: float
    batch: Batch | None = None
    """None until encoded."""
    passed_over: int = 0


@dataclass(slots=True)
class Policy:
    """The queues of one model. Pure bookkeeping: `choose` removes what it returns."""

    batch_size: int
    max_encoded: int
    """Encoded windows that may wait for decoding: their states are memory in the engine."""
    _entries: dict[int, _Entry] = field(default_factory=dict)
    _finish: dict[int, float] = field(default_factory=dict)
    _now: float = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def arrive(self, window_id: int, request_id: int, cost: float) -> float:
        """Queue a window of a request for encoding; ``cost`` is its audio seconds over the
        request's weight. Returns its tag, which it keeps through `again`."""
        tag = max(self._now, self._finish.get(request_id, 0.0))
        self._finish[request_id] = tag + cost
        self._entries[window_id] = _Entry(window_id, tag)
        return tag

    def encoded(self, window_id: int, tag: float, batch: Batch) -> None:
        """Queue a window for decoding: it was encoded, or must be decoded another way."""
        self._entries[window_id] = _Entry(window_id, tag, batch)

    def again(self, window_id: int, tag: float) -> None:
        """Queue a window for encoding again, in its old place, after its engine died."""
        self._entries[window_id] = _Entry(window_id, tag)

    def leave(self, window_id: int) -> None:
        """Forget a window that is waiting; one that is not is fine."""
        self._entries.pop(window_id, None)

    def forget_request(self, request_id: int) -> None:
        """The request is over; its fair share is not remembered."""
        self._finish.pop(request_id, None)

    def choose(self) -> Encode | Decode | None:
        """The next job for a free worker, or None when nothing waits."""
        waiting = sorted((e for e in self._entries.values() if e.batch is None), key=_by_tag)
        encoded = sorted((e for e in self._entries.values() if e.batch), key=_by_tag)
        group = self._group(encoded)
        if group and self._decode_now(group, encoded, waiting):
            return self._take_decode(group, encoded)
        if waiting:
            return self._take_encode(waiting[0], encoded)
        return self._take_decode(group, encoded) if group else None

    def _group(self, encoded: list[_Entry]) -> list[_Entry]:
        """The encoded windows that decode with the first in line, at most a batch."""
        if not encoded:
            return []
        rows = rows_together(self.batch_size, encoded[0].batch)
        return [e for e in encoded if e.batch == encoded[0].batch][:rows]

    def _decode_now(
        self, group: list[_Entry], encoded: list[_Entry], waiting: list[_Entry]
    ) -> bool:
        full = len(group) == rows_together(self.batch_size, group[0].batch)
        kept_waiting = any(e.passed_over >= MAX_PASSED_OVER for e in encoded)
        return full or kept_waiting or not waiting or len(encoded) >= self.max_encoded

    def _take_encode(self, entry: _Entry, encoded: list[_Entry]) -> Encode:
        for other in encoded:
            other.passed_over += 1
        del self._entries[entry.window_id]
        self._now = max(self._now, entry.tag)
        return Encode(entry.window_id)

    def _take_decode(self, group: list[_Entry], encoded: list[_Entry]) -> Decode:
        batch = group[0].batch
        assert batch is not None
        for entry in group:
            del self._entries[entry.window_id]
        for entry in encoded:
            entry.passed_over += 1
        return Decode(tuple(entry.window_id for entry in group), batch)


def rows_together(batch_size: int, batch: Batch | None) -> int:
    """How many windows of this kind a batch holds: each beam is a row for the processor."""
    return max(1, batch_size // batch.beam_size) if batch else batch_size


def _by_tag(entry: _Entry) -> tuple[float, int]:
    return entry.tag, entry.window_id
