"""What a client may take of a server: which models, and how much at one time.

Knows nothing about keys, or how it is enforced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Grant:
    """What one client may take; by default whatever the server has."""

    models: tuple[str, ...] = ()
    """Names of models; empty: all."""
    max_requests: int = 0
    """Requests and live sessions at one time, and stored jobs in work; 0: as many as the server
    takes."""
    max_backlog_s: float = 0.0
    """Predicted seconds of its work that may wait, and as much of its stored jobs'; 0: the server's
    own limit, which is none for jobs."""


EVERYTHING = Grant()


class Grants(Protocol):
    """Tells of each client, by the name it has for limits, what it may take."""

    def grant_of(self, client: str) -> Grant: ...

    def is_let_in(self, client: str) -> bool:
        """Whether one that was let in would be now."""
        ...


class NoLimits:
    """`Grants` of a server that knows no limits of its clients' own."""

    def grant_of(self, client: str) -> Grant:
        return EVERYTHING

    def is_let_in(self, client: str) -> bool:
        return True
