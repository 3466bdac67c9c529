"""Errors as Deepgram's clients know them: ``err_code``, ``err_msg`` and the request's id.

Knows nothing about where an error came from.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle import errors
from auricle.errors import AuricleError
from auricle.server.transport import context

PATHS: Final = frozenset({"/v1/listen", "/v2/listen", "/v1/auth/grant"})

REQUEST_ID: Final = "dg-request-id"
ERROR: Final = "dg-error"

MAX_HEADER_CHARS: Final = 500
"""How much of a message stands in a header, too."""

AUDIO_FAILED: Final = "Bad Request: failed to process audio"

_CODES: Final[Sequence[tuple[type[AuricleError], str]]] = (
    (errors.BadMedia, "Bad Request"),
    (errors.Unauthorized, "INVALID_AUTH"),
    (errors.Forbidden, "INSUFFICIENT_PERMISSIONS"),
    (errors.NotFound, "NOT_FOUND"),
    (errors.ModelNotFound, "MODEL_NOT_FOUND"),
    (errors.UploadStalled, "REQUEST_TIMEOUT"),
    (errors.TooLarge, "PAYLOAD_TOO_LARGE"),
    (errors.Overloaded, "TOO_MANY_REQUESTS"),
    (errors.Unavailable, "Service Unavailable"),
    (errors.DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (errors.StorageFull, "INSUFFICIENT_STORAGE"),
)
"""What is no request's fault has the code ``INTERNAL_SERVER_ERROR``."""


class ListenError(msgspec.Struct, frozen=True):
    """Every error answer of Deepgram's paths."""

    err_code: str
    err_msg: str
    request_id: str


class DeepgramPaths:
    """ASGI middleware by which requests for Deepgram's paths have an id as its clients expect it,
    and their errors its shape."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] in PATHS:
            known = context.of(scope)
            name = request_id(scope)
            known.headers[REQUEST_ID] = name
            known.error_response = partial(response_to, request_id=name)
        await self._app(scope, receive, send)


def request_id(scope: Scope) -> str:
    """The id of a request, as a UUID: the log has the same digits."""
    return str(uuid.UUID(context.of(scope).id.removeprefix("req_")))


def body_of(exc: AuricleError, request_id: str) -> ListenError:
    message = exc.message
    if isinstance(exc, errors.BadMedia):
        message = f"{AUDIO_FAILED}: {message}"
    return ListenError(_code(exc), message, request_id)


def response_to(exc: AuricleError, request_id: str) -> Response:
    """An error with ``retry_after_s`` is worth trying again."""
    body = body_of(exc, request_id)
    headers = {ERROR: _header(body.err_msg)}
    if exc.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(exc.retry_after_s)))
    return Response(
        msgspec.json.encode(body),
        status_code=exc.status,
        headers=headers,
        media_type="application/json",
    )


def _code(exc: AuricleError) -> str:
    for kind, code in _CODES:
        if isinstance(exc, kind):
            return code
    if not isinstance(exc, errors.InvalidRequest):
        return "INTERNAL_SERVER_ERROR"
    return "Bad Request" if exc.param is None else "INVALID_QUERY_PARAMETER"


def _header(message: str) -> str:
    """A message as a header can hold it."""
    line = " ".join(message.split())[:MAX_HEADER_CHARS]
    return line.encode("ascii", "replace").decode()
