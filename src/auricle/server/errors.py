"""Errors as clients see them: OpenAI's envelope, its status, and the headers its clients obey.

Knows nothing about where an error came from.
"""

from __future__ import annotations

import errno
import math
import uuid
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from auricle.errors import AuricleError, InvalidRequest, NotFound, Unavailable
from auricle.server.dialects import base_urls

RETRIED = frozenset({408, 409, 429})
"""Below 500, what OpenAI's clients try again by themselves."""


OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})

DESCRIPTORS_RETRY_S = 2.0
"""When a client should ask again for which no file could be opened: requests end all the time."""


MEMORY_RETRY_S = 5.0
"""The same where there was no memory."""


class ErrorDetail(msgspec.Struct, frozen=True):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct, frozen=True):
    """Every error answer, and the event that ends a stream which failed."""

    error: ErrorDetail


def body_of(exc: AuricleError) -> ErrorBody:
    return ErrorBody(ErrorDetail(exc.message, exc.type, exc.param, exc.code))


def known(exc: Exception) -> AuricleError | None:
    """What a client learns of something that was raised; None of a bug."""
    if isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        first = exc.exceptions[0]
        return known(first) if isinstance(first, Exception) else None
    if isinstance(exc, OSError) and exc.errno in OUT_OF_DESCRIPTORS:
        return Unavailable(
            "The server has too many files and connections open; try again in a moment.",
            code="server_busy",
            retry_after_s=DESCRIPTORS_RETRY_S,
        )
    if is_out_of_memory(exc):
        return Unavailable(
            "The server has no memory left for this; try again in a moment.",
            code="server_busy",
            retry_after_s=MEMORY_RETRY_S,
        )
    return exc if isinstance(exc, AuricleError) else None


def is_out_of_memory(exc: Exception) -> bool:
    """Whether the system gave no memory, or no thread, of which each takes some."""
    if isinstance(exc, RuntimeError):
        return "can't start new thread" in str(exc)
    return isinstance(exc, MemoryError) or (
        isinstance(exc, OSError) and exc.errno in (errno.ENOMEM, errno.EAGAIN)
    )


def unexpected(request_id: str) -> AuricleError:
    """What a client learns of a bug: that it was ours, and the id under which it is logged."""
    return AuricleError(
        "The server had an error while processing your request. Its log says more under the "
        f"request id {request_id}."
    )


def response_to(exc: AuricleError) -> Response:
    """An error with ``retry_after_s`` is worth trying again; any other would fail the same way,
    and OpenAI's clients send the whole upload again unless told not to."""
    headers = {}
    if exc.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(exc.retry_after_s)))
    elif exc.status in RETRIED or exc.status >= 500:
        headers["x-should-retry"] = "false"
    if exc.status == 401:
        headers["www-authenticate"] = 'Bearer realm="auricle"'
    return json_response(body_of(exc), status=exc.status, headers=headers)


def as_bytes(exc: AuricleError, status: HTTPStatus) -> bytes:
    """The whole answer on a connection that is closed then: no request could be read."""
    answer = response_to(exc)
    lines = [
        f"HTTP/1.1 {status} {status.phrase}",
        f"x-request-id: req_{uuid.uuid4().hex}",
        "connection: close",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + bytes(answer.body)


def json_response(
    body: msgspec.Struct, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


async def no_such_path(scope: Scope, _: Receive, __: Send) -> None:
    """Where the router finds nothing: a websocket, too, is refused with an error of ours."""
    if scope["type"] == "websocket":
        raise NotFound(f"There is no websocket at {scope['path']}.")
    raise HTTPException(status_code=404)


async def on_http_exception(request: Request, exc: Exception) -> Response:
    """Starlette's handler for what its router raises: no such path, or not by this method."""
    assert isinstance(exc, HTTPException)
    path: str = request.scope["path"]  # its URL cannot be had where the query is no UTF-8
    allowed = ", ".join(sorted((exc.headers or {}).get("Allow", "").split(", ")))
    if exc.status_code == 404:
        address = str(request.base_url)
        message = f"Invalid URL ({request.method} {path}){base_urls.hint(path, address)}"
    elif exc.status_code == 405:
        message = f"Method {request.method} is not allowed for {path}; allowed: {allowed}."
    else:
        message = exc.detail
    body = ErrorBody(ErrorDetail(message, InvalidRequest.type, None, None))
    headers = {"allow": allowed} if allowed else {}
    return json_response(body, status=exc.status_code, headers=headers)
