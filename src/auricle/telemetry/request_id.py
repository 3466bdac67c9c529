"""The id of the request that work is done for, so that every log line of the request can name it.

Knows nothing about requests. Whoever takes one in sets the id; tasks and threads started for it
have it, too. What serves several requests at once sets it around what it does for one.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the request that is served here; empty where none is."""
    return _current.get()


@contextlib.contextmanager
def bound(request_id: str) -> Iterator[None]:
    """Work inside is done for the request."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


class AddRequestId(logging.Filter):
    """Gives each record ``request``: the id in parentheses after a space, or nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        request_id = current()
        record.request = f" ({request_id})" if request_id else ""
        return True
