"""What is known of a request while it is served, for all who have a part in it.

Knows nothing about how it is received or answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import Scope

from auricle.errors import AuricleError
from auricle.server.transport.in_flight import InFlight

_KEY = "auricle"


@dataclass(slots=True)
class RequestContext:
    """One request. ``headers`` are added to its answer, whatever that is. ``status`` is None until
    the answer has begun, ``is_complete`` once its last byte was sent. A websocket that was accepted
    has the status 101, and is complete when it is closed."""

    id: str
    in_flight: InFlight
    client: str = ""
    """Who asks, for limits per client."""
    headers: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    is_complete: bool = False
    close_code: int | None = None
    """With what a websocket was closed here."""
    error: AuricleError | None = None
    """What it ended with."""
    model: str | None = None
    """Which one it asked for, in its own words."""
    audio_s: float | None = None
    """How long its recording is, as far as it was read."""
    error_response: Callable[[AuricleError], Response] | None = None
    """Makes the answer of an error; None where it is OpenAI's."""
    answer_late: Callable[[AuricleError], Awaitable[None]] | None = None
    """Tells an error in an answer that has begun; None where its format has no way to."""

    @property
    def has_begun(self) -> bool:
        return self.status is not None


def put(scope: Scope, context: RequestContext) -> None:
    scope.setdefault("state", {})[_KEY] = context


def of(scope: Scope) -> RequestContext:
    """The context of the request with this scope."""
    context: RequestContext = scope["state"][_KEY]
    return context
