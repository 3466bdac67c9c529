"""Every request from its first byte to its last: its id, its line in the log, and its errors.

Knows nothing about paths or what is asked.

Why it is so: docs/decisions.md, HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auricle.errors import AuricleError
from auricle.server import errors
from auricle.server.transport import context
from auricle.server.transport.context import RequestContext
from auricle.server.transport.in_flight import InFlight, stopping
from auricle.telemetry import request_id, tracing
from auricle.telemetry.observe import NULL_OBSERVER, Observer
from auricle.telemetry.tracing import NULL_SPAN, Span

DRAIN_MAX_BYTES = 1024 * 1024 * 1024
DRAIN_MAX_S = 30.0
"""How much of a refused upload is read and thrown away. Node's HTTP client reports a broken pipe
instead of the refusal when the server answers before it has read everything."""

OPENAI_VERSION = "2020-10-01"
"""The one version of its API that OpenAI's service states."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "websocket"})
"""Those that are counted by name: clients can make up any number."""

UNTRACED = frozenset({"/livez", "/readyz", "/health", "/metrics"})
"""Asked every few seconds."""

TRACE_HEADERS = ("traceparent", "tracestate")

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class RequestMiddleware:
    """ASGI middleware around every request; the one place where errors are answered. ``on_end`` is
    told of each that has ended, with what is known of it."""

    def __init__(
        self,
        app: ASGIApp,
        in_flight: InFlight,
        observer: Observer = NULL_OBSERVER,
        on_end: Callable[[Scope], None] = lambda _: None,
        tracer: Span = NULL_SPAN,
    ) -> None:
        self._app = app
        self._in_flight = in_flight
        self._observer = observer
        self._on_end = on_end
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        wire = _Wire(scope, receive, send, self._in_flight)
        with request_id.bound(wire.context.id), self._in_flight.counted():
            outcome = "cancelled"
            with tracing.within(_begun(self._tracer, scope, wire)) as span:
                try:
                    outcome = await self._served(scope, wire)
                finally:
                    _log(scope, wire, outcome)
                    _count(self._observer, scope, wire)
                    _trace(span, scope, wire)
                    self._on_end(scope)

    async def _served(self, scope: Scope, wire: _Wire) -> str:
        """Serve the request; how that ended, in words for the log."""
        try:
            await self._app(scope, wire.receive, wire.send)
        except ClientDisconnect:
            return "left by its client"
        except asyncio.CancelledError:
            if not self._in_flight.is_cut_off:
                raise
            return await _fail(scope, wire, stopping())
        except Exception as exc:
            known = errors.known(exc)
            if known is None:
                logger.exception("a bug")
                known = errors.unexpected(wire.context.id)
            return await _fail(scope, wire, known)
        is_over = wire.context.is_complete or scope["type"] == "websocket"
        return "" if is_over else "cut off"


async def _fail(scope: Scope, wire: _Wire, exc: AuricleError) -> str:
    """Answer an error: by its status, by the answer's own means if that has begun, or by leaving
    the answer without an end, which closes the connection."""
    wire.context.error = exc
    if not wire.context.has_begun:
        respond = wire.context.error_response or errors.response_to
        await respond(exc)(scope, wire.receive, wire.send)
        return ""
    if wire.context.answer_late is None:
        logger.warning("cut off an answer that had begun: %s", exc)
        return "cut off"
    await wire.context.answer_late(exc)
    return "with an error"


def _log(scope: Scope, wire: _Wire, outcome: str) -> None:
    """Method, path, status, time and length of the recording: never what was said, nor the query,
    which may hold a key."""
    known = wire.context
    path = scope["raw_path"].decode("ascii", "backslashreplace")
    audio = "" if known.audio_s is None else f", {known.audio_s:.1f} s of audio"
    closed = "" if known.close_code is None else f", closed with {known.close_code}"
    ended = f"{closed}, {outcome}" if outcome else closed
    method, status = scope.get("method", "websocket"), known.status or "unanswered"
    details = {
        "method": method,
        "path": path,
        "status": known.status,
        "seconds": round(wire.age_s(), 3),
        "audio_seconds": known.audio_s,
        "close_code": known.close_code,
        "ended": outcome or None,
    }
    line = (method, path, status, wire.age_s(), audio, ended)
    logger.info("%s %s %s in %.3f s%s%s", *line, extra={"details": details})


def _named(scope: Scope) -> tuple[str, str]:
    """A request's method and route: clients can make up any method and path, which are none."""
    method = scope.get("method", "websocket")
    route = getattr(scope.get("route"), "path", "none")
    return method if method in _METHODS else "other", route


def _count(observer: Observer, scope: Scope, wire: _Wire) -> None:
    (method, route), status = _named(scope), wire.context.status or "unanswered"
    observer.count("requests", route=route, method=method, status=str(status))
    observer.record("request_s", wire.age_s(), route=route)
    if wire.context.audio_s is not None:
        observer.count("audio_s", wire.context.audio_s)


def _begun(tracer: Span, scope: Scope, wire: _Wire) -> Span:
    """The span of a request, in its client's trace if that names one. Probes have none."""
    if scope["path"] in UNTRACED:
        return NULL_SPAN
    headers = Headers(scope=scope)
    trace = {name: headers[name] for name in TRACE_HEADERS if name in headers}
    return tracer.begin_from("request", "server", trace, request_id=wire.context.id)


def _trace(span: Span, scope: Scope, wire: _Wire) -> None:
    """What a log line says of a request, in its span."""
    method, route = _named(scope)
    span.rename(f"{method} {route}")
    span.note(method=method, route=route)
    known = wire.context
    if known.status is not None:
        span.note(status=int(known.status))
        if known.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            span.fail(str(int(known.status)))
    if known.audio_s is not None:
        span.note(audio_s=known.audio_s)
    if known.close_code is not None:
        span.note(close_code=known.close_code)


class _Wire:
    """Receive and send of one request or websocket, with what they have done so far."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, in_flight: InFlight) -> None:
        self.context = RequestContext(f"req_{uuid.uuid4().hex}", in_flight)
        context.put(scope, self.context)
        self._receive = receive
        self._send = send
        self._begun_s = time.monotonic()
        self._body_is_read = scope["type"] == "websocket"
        self._client_waits = Headers(scope=scope).get("expect", "").lower() == "100-continue"

    def age_s(self) -> float:
        return time.monotonic() - self._begun_s

    async def receive(self) -> Message:
        message = await self._receive()
        self._client_waits = False
        if not message.get("more_body", False):
            self._body_is_read = True
        return message

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                if message["status"] != HTTPStatus.REQUEST_TIMEOUT:  # it would bring no more now
                    await self._drain()
                self._add_headers(message)
                await self._send(message)
                self.context.status = message["status"]
            case "websocket.accept":
                self._add_headers(message)
                try:
                    await self._send(message)
                except OSError as exc:
                    raise ClientDisconnect from exc
                self.context.status = HTTPStatus.SWITCHING_PROTOCOLS.value
            case "websocket.close":
                await self._send(message)
                self.context.close_code = message["code"]
                self.context.is_complete = True
            case "http.response.body" | "websocket.http.response.body":
                await self._send(message)
                self.context.is_complete = not message.get("more_body", False)
            case _:
                await self._send(message)

    def _add_headers(self, start: Message) -> None:
        headers = MutableHeaders(scope=start)
        headers.update(self.context.headers)
        headers["x-request-id"] = self.context.id
        headers["openai-processing-ms"] = str(round(self.age_s() * 1000))
        headers["openai-version"] = OPENAI_VERSION
        headers["x-content-type-options"] = "nosniff"
        is_closing = self.context.in_flight.is_stopping or not self._body_is_read
        if start["type"] == "http.response.start" and is_closing:
            headers["connection"] = "close"

    async def _drain(self) -> None:
        """Read the rest of the request, unless the client waits for leave to send it."""
        if self._client_waits or self.context.in_flight.is_cut_off:
            return
        n_bytes = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_MAX_S):
                while not self._body_is_read and n_bytes < DRAIN_MAX_BYTES:
                    n_bytes += len((await self.receive()).get("body", b""))


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Run ``work`` in a task of its own, cancelled when the client leaves. For when the body has
    been read: the next thing to receive is then the client's departure.

    Raises:
        ClientDisconnect: the client left first.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnect(request.receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
