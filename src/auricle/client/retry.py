"""When a request that failed is sent again, and how long to wait before that.

Knows nothing about recordings or what is asked. It counts the attempts of one request.
"""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Mapping
from typing import Final

import httpx2

from auricle.client.errors import TimedOut, Unreachable

RETRIED: Final = frozenset({408, 429, 502, 503, 504})
"""What may be better later, unless the server says with ``x-should-retry`` what is."""

MAX_WAIT_S: Final = 60.0
"""A server that asks for more is not asked again; the caller learns how long it would be."""

FIRST_BACKOFF_S: Final = 0.5
MAX_BACKOFF_S: Final = 8.0

_BEFORE_AN_ANSWER = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.ReadError,
    httpx2.WriteError,
    httpx2.RemoteProtocolError,
)
"""Not a timeout: the server may still be at work on it."""


class Attempts:
    """How often one request may still be sent."""

    def __init__(self, max_retries: int, is_repeatable: bool) -> None:
        self._n_left = max_retries if is_repeatable else 0
        self._n_failed = 0

    def after_failure(self, exc: httpx2.TransportError) -> float | None:
        """Seconds to wait after ``exc`` took the place of an answer; None to give up."""
        return self._next(self._backoff_s()) if isinstance(exc, _BEFORE_AN_ANSWER) else None

    def after_refusal(self, status: int, headers: Mapping[str, str]) -> float | None:
        """The same after an answer with an error status."""
        advice = headers.get("x-should-retry")
        if advice == "false" or (advice != "true" and status not in RETRIED):
            return None
        asked_s = retry_after_s(headers)
        if asked_s is None:
            return self._next(self._backoff_s())
        return self._next(asked_s) if asked_s <= MAX_WAIT_S else None

    def _next(self, wait_s: float) -> float | None:
        if self._n_left == 0:
            return None
        self._n_left -= 1
        self._n_failed += 1
        return wait_s

    def _backoff_s(self) -> float:
        longest: float = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2**self._n_failed)
        return longest * random.uniform(0.75, 1)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """What the server asks to wait: ``retry-after-ms``, or ``retry-after``, which may be a date."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            wait_s = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if 0 <= wait_s < float("inf"):
            return wait_s
    try:
        date = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def translated(exc: httpx2.TransportError, url: str) -> Unreachable:
    """A failure of the connection in this package's terms."""
    if isinstance(exc, httpx2.ConnectError | httpx2.ConnectTimeout):
        return Unreachable(f"no server answers at {url}: {exc or 'no connection in time'}")
    if isinstance(exc, httpx2.TimeoutException):
        return TimedOut(f"{url} sent nothing for longer than the timeout")
    return Unreachable(f"the connection to {url} broke: {exc or type(exc).__name__}")
