"""Whether another request may come in: how much audio waits, and how many seconds that will take.

Every model has a `Backlog`; the `AdmissionControl` in front of all has the server's limits.
Knows nothing about clocks, queues or models: whoever uses it says what time it is and what
happened.

A request is admitted as long as the work already there is predicted to be done within the limit,
whatever its own length; so an idle server takes the longest file, and a refusal can say truthfully
how long to wait.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from auricle.errors import Overloaded
from auricle.grants import Grant, Grants, NoLimits

FIRST_GUESS_S_PER_S = 10.0
"""Audio seconds per second before anything was measured: base on two slow cores does better."""

GUESS_WEIGHT_S = 10.0
"""The first guess counts like so many busy seconds of measuring."""

HALF_LIFE_S = 60.0
"""Busy seconds after which what was measured counts half: load and length of clips change."""


LIVE_RETRY_S = 10.0
"""When a client should ask again that has nothing but live streams."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may wait. A limit per key of 0 is the same as the server's."""

    max_requests: int = 128
    max_backlog_s: float = 900.0
    max_backlog_per_key_s: float = 0.0


class Rate:
    """Audio seconds done per second while there was something to do, lately."""

    def __init__(self) -> None:
        self._busy_s = GUESS_WEIGHT_S
        self._audio_s = GUESS_WEIGHT_S * FIRST_GUESS_S_PER_S

    @property
    def s_per_s(self) -> float:
        return self._audio_s / self._busy_s

    def measure(self, busy_s: float, audio_s: float) -> None:
        """``busy_s`` have passed with work waiting, and ``audio_s`` were done in them."""
        kept = 0.5 ** (busy_s / HALF_LIFE_S)
        self._busy_s = kept * self._busy_s + busy_s
        self._audio_s = kept * self._audio_s + audio_s


@dataclass(slots=True)
class _Request:
    key: str
    expected_s: float
    """Length of the whole recording, as far as known."""
    read_s: float = 0.0
    """How far windows were cut."""
    queued_s: float = 0.0
    """Audio in windows that have no text yet."""

    @property
    def remaining_s(self) -> float:
        return max(self.expected_s - self.read_s, 0.0) + self.queued_s


@dataclass(slots=True)
class Backlog:
    """The admitted requests of one queue, and how fast they are served. Pure bookkeeping."""

    rate: Rate = field(default_factory=Rate)
    _requests: dict[int, _Request] = field(default_factory=dict)
    _n_windows: int = 0
    _since_s: float = 0.0
    """When the rate was measured last, or work began to wait after a pause."""

    def __len__(self) -> int:
        return len(self._requests)

    def wait_s(self, key: str | None = None) -> float:
        """Predicted seconds of work admitted and not done: of everybody, or of one key."""
        return _remaining_s(self._of(key)) / self.rate.s_per_s

    def n_requests(self, key: str | None = None) -> int:
        """Of everybody, or of one key."""
        return len(self._of(key))

    @property
    def first_done_s(self) -> float:
        """Predicted seconds until some request is done: they share the engine."""
        first_s = min((each.remaining_s for each in self._requests.values()), default=0.0)
        return first_s * len(self._requests) / self.rate.s_per_s

    def admit(self, request_id: int, key: str, expected_s: float) -> None:
        """Take a request in; `AdmissionControl.check` has allowed it."""
        self._requests[request_id] = _Request(key, expected_s)

    def expect(self, request_id: int, audio_s: float) -> None:
        """The length of a request's recording is known better now."""
        self._requests[request_id].expected_s = audio_s

    def queued(self, request_id: int, end_s: float, audio_s: float, now_s: float) -> None:
        """A window of ``audio_s`` was cut that ends at ``end_s`` of its recording."""
        if not self._n_windows:
            self._since_s = now_s
        self._n_windows += 1
        request = self._requests[request_id]
        request.read_s = max(request.read_s, end_s)
        request.queued_s += audio_s

    def done(self, request_id: int, audio_s: float, now_s: float) -> None:
        """A window has its text."""
        self._n_windows -= 1
        self.rate.measure(max(now_s - self._since_s, 0.0), audio_s)
        self._since_s = now_s
        request = self._requests.get(request_id)
        if request is not None:
            request.queued_s = max(request.queued_s - audio_s, 0.0)

    def dropped(self) -> None:
        """A window will never have its text."""
        self._n_windows -= 1

    def end(self, request_id: int) -> None:
        """A request is over, well or not."""
        self._requests.pop(request_id, None)

    def _of(self, key: str | None) -> list[_Request]:
        return [each for each in self._requests.values() if key is None or each.key == key]


class AdmissionControl:
    """The limits of a server, over the queues of all its models: they share the machine."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.grants: Grants = NoLimits()
        """What each client may take; from whoever knows them."""
        self._backlogs: list[Backlog] = []
        self._n_live: Counter[str] = Counter()
        """Live streams by client."""

    def open_queue(self) -> Backlog:
        """The backlog of one more queue."""
        backlog = Backlog()
        self._backlogs.append(backlog)
        return backlog

    def close_queue(self, backlog: Backlog) -> None:
        """The queue is no more; fine if it was closed before."""
        self._backlogs = [other for other in self._backlogs if other is not backlog]

    @property
    def waiting_s(self) -> float:
        """Predicted seconds until everything that was admitted is done."""
        return sum(backlog.wait_s() for backlog in self._backlogs)

    def predict_s(self, audio_s: float) -> float:
        """Predicted seconds that so much audio takes, read by the slowest of the models."""
        rates = (backlog.rate.s_per_s for backlog in self._backlogs)
        return audio_s / min(rates, default=FIRST_GUESS_S_PER_S)

    def check(self, key: str) -> None:
        """Raise `Overloaded` unless a request of ``key`` would be admitted now."""
        limits = self.limits
        n_requests = sum(len(backlog) for backlog in self._backlogs)
        if n_requests >= limits.max_requests:
            raise _overloaded(
                f"{n_requests} requests are being transcribed or waiting, which is the "
                "limit of this server (max_requests)",
                min(backlog.first_done_s for backlog in self._backlogs if len(backlog)),
            )
        waiting_s = self.waiting_s
        if waiting_s > limits.max_backlog_s:
            raise _overloaded(
                f"About {waiting_s:.0f} seconds of work are waiting; the limit of this server is "
                f"{limits.max_backlog_s:g} (max_backlog_s)",
                waiting_s - limits.max_backlog_s,
            )
        self._check_own(key, n_requests)

    @contextlib.contextmanager
    def live(self, key: str) -> Iterator[None]:
        """A live stream of ``key``, for as long as the context lasts. Nobody knows how long it will
        be, so it is no work that waits.

        Raises:
            Overloaded: the client has as many requests and streams as it may have.
        """
        self._check_number(key, self.grants.grant_of(key))
        self._n_live[key] += 1
        try:
            yield
        finally:
            self._n_live[key] -= 1
            if not self._n_live[key]:
                del self._n_live[key]

    def _n_requests(self, key: str) -> int:
        return sum(backlog.n_requests(key) for backlog in self._backlogs)

    def _check_number(self, key: str, grant: Grant) -> None:
        n_own = self._n_requests(key) + self._n_live[key]
        if grant.max_requests and n_own >= grant.max_requests:
            done_s = (backlog.first_done_s for backlog in self._backlogs if len(backlog))
            raise _overloaded(
                f"{n_own} requests of yours are being transcribed or waiting, which is the limit "
                "of your key (max_requests)",
                min(done_s, default=LIVE_RETRY_S),
            )

    def _check_own(self, key: str, n_requests: int) -> None:
        """Raise `Overloaded` where a client has as much as it may take. All have ``n_requests``."""
        limits, grant = self.limits, self.grants.grant_of(key)
        self._check_number(key, grant)
        limit_s = grant.max_backlog_s or limits.max_backlog_per_key_s or limits.max_backlog_s
        own_s = sum(backlog.wait_s(key) for backlog in self._backlogs)
        if own_s > limit_s:
            share = self._n_requests(key) / n_requests
            raise _overloaded(
                f"About {own_s:.0f} seconds of your work are waiting; the limit for one client is "
                f"{limit_s:g} (max_backlog_per_key_s)",
                (own_s - limit_s) / share,
            )


@dataclass(frozen=True, slots=True)
class Admission:
    """An accepted request."""

    request_id: int
    backlog: Backlog

    def expect(self, audio_s: float) -> None:
        """Say how long the recording is, once that is known better than at admission."""
        self.backlog.expect(self.request_id, audio_s)


def _remaining_s(requests: Iterable[_Request]) -> float:
    return sum(request.remaining_s for request in requests)


def _overloaded(reason: str, retry_after_s: float) -> Overloaded:
    return Overloaded(
        f"{reason}; try again later.",
        code="rate_limit_exceeded",
        retry_after_s=max(retry_after_s, 1.0),
    )
