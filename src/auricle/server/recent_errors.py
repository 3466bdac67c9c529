"""Requests that failed lately: ``GET /v1/errors``.

Knows nothing about how a request is answered. Kept in memory only, and nothing of what was sent or
said: no text, audio, file name, query or key, and no message, which may quote some of it.

Why it is so: docs/decisions.md, HTTP.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from auricle.errors import printable
from auricle.server import errors
from auricle.server.access.owners import owner, owner_of
from auricle.server.transport import context
from auricle.server.transport.context import RequestContext

MAX_EACH: Final = 50
"""Failures that are kept of one owner, so that no other's push them out."""

MAX_OWNERS: Final = 64
"""Owners of whom some are kept: those whose requests failed last."""

MAX_MODEL_CHARS: Final = 64

PROBES: Final = frozenset({"/health", "/livez", "/readyz"})
"""Whose 503 is an answer, not a failure."""

ORDERLY_CLOSES: Final = frozenset({None, 1000, 1001})


class FailedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request or websocket that failed. ``ended_at`` is seconds since 1970, ``path`` as in this
    document, null where there is none such. ``status`` is what the answer had begun with, null
    without one; a websocket that was accepted has 101, and a ``close_code``. ``code`` and ``param``
    are those of the error, and ``model`` is what was asked for."""

    id: str
    object: Literal["error"] = "error"
    ended_at: int
    method: str
    path: str | None
    status: int | None
    close_code: int | None
    code: str | None
    param: str | None
    model: str | None


class ErrorList(msgspec.Struct, frozen=True):
    """Failures of the asker's own requests, the newest first, since the server was started."""

    data: tuple[FailedRequest, ...]
    object: Literal["list"] = "list"


class RecentErrors:
    """The failures, by whose they are. Belongs to the event loop."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._kept: OrderedDict[str, deque[FailedRequest]] = OrderedDict()

    def note(self, scope: Scope) -> None:
        """Keep what is worth knowing of a request that has ended, if it failed."""
        known = context.of(scope)
        path: str | None = getattr(scope.get("route"), "path_format", None)
        if path in PROBES or not _has_failed(known):
            return
        whose = owner(known.client)
        self._kept.setdefault(whose, deque(maxlen=MAX_EACH)).appendleft(
            FailedRequest(
                id=known.id,
                ended_at=int(self._now_s()),
                method=scope.get("method", "websocket"),
                path=path,
                status=known.status,
                close_code=known.close_code,
                code=None if known.error is None else known.error.code,
                param=None if known.error is None else known.error.param,
                model=_model(scope, path),
            )
        )
        self._kept.move_to_end(whose)
        if len(self._kept) > MAX_OWNERS:
            self._kept.popitem(last=False)

    async def listed(self, request: Request) -> Response:
        """``GET /v1/errors``"""
        return errors.json_response(ErrorList(self.of(owner_of(request))))

    def of(self, whose: str) -> tuple[FailedRequest, ...]:
        """The newest first."""
        return tuple(self._kept.get(whose, ()))


def _has_failed(known: RequestContext) -> bool:
    return (
        known.error is not None
        or (known.status or 0) >= 400
        or known.close_code not in ORDERLY_CLOSES
    )


def _model(scope: Scope, path: str | None) -> str | None:
    """What the request called the model it wants, in its form or its path."""
    named = scope.get("path_params", {})
    of_path = named.get("id") if (path or "").startswith("/v1/models/") else named.get("model")
    asked: str | None = context.of(scope).model or of_path
    return None if asked is None else printable(asked[:MAX_MODEL_CHARS])
