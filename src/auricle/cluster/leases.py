"""Whose encoder states an engine holds, so that they go when nobody comes back for them.

Pure. A gateway makes a session number, and puts it into the numbers of its states: engines that
serve several gateways tell them apart by that. A session that is not renewed has ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

LEASE_S: Final = 60.0
"""A session that is not heard of for so long is over: its machine is gone."""

_STATE_BITS: Final = 32
_SESSION_BITS: Final = 30


def new_session() -> int:
    """A number that no other session has."""
    return secrets.randbits(_SESSION_BITS)


def shared(session: int, state_id: int) -> int:
    """What the states of a session are known by where others have theirs."""
    return session << _STATE_BITS | state_id


def own(state_id: int) -> int:
    """What its session knows them by."""
    return state_id & ((1 << _STATE_BITS) - 1)


@dataclass(slots=True)
class _Lease:
    renewed_s: float
    backlog_s: float
    state_ids: set[int] = field(default_factory=set)


class Leases:
    """The sessions of one engine. ``now_s`` is what a clock says that never goes back."""

    def __init__(self) -> None:
        self._leases: dict[int, _Lease] = {}

    @property
    def n_states(self) -> int:
        return sum(len(each.state_ids) for each in self._leases.values())

    @property
    def backlog_s(self) -> float:
        """Predicted seconds of work that waits at all gateways."""
        return sum(each.backlog_s for each in self._leases.values())

    def renew(self, session: int, backlog_s: float, now_s: float) -> None:
        """A session is there, with so much work that waits."""
        lease = self._leases.setdefault(session, _Lease(now_s, backlog_s))
        lease.renewed_s, lease.backlog_s = now_s, backlog_s

    def hold(self, state_ids: Iterable[int], now_s: float) -> None:
        """States were made."""
        for state_id in state_ids:
            lease = self._leases.setdefault(state_id >> _STATE_BITS, _Lease(now_s, 0.0))
            lease.state_ids.add(state_id)

    def release(self, state_ids: Iterable[int]) -> None:
        """States are gone; fine if they never were."""
        for state_id in state_ids:
            lease = self._leases.get(state_id >> _STATE_BITS)
            if lease is not None:
                lease.state_ids.discard(state_id)

    def end(self, session: int) -> tuple[int, ...]:
        """A session is over; the states that it had."""
        lease = self._leases.pop(session, None)
        return () if lease is None else tuple(lease.state_ids)

    def expire(self, now_s: float) -> tuple[int, ...]:
        """End sessions that were not renewed; the states that they had."""
        over = [s for s, lease in self._leases.items() if now_s - lease.renewed_s > LEASE_S]
        return tuple(state_id for session in over for state_id in self.end(session))
