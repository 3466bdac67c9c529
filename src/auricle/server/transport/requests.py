"""One HTTP exchange from first byte to last: its id, its early refusals, its unexpected errors.

Knows nothing about paths or what is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auricle.server import errors
from auricle.server.transport.in_flight import InFlight, stopping

DRAIN_MAX_BYTES = 1024 * 1024 * 1024
DRAIN_MAX_S = 30.0
"""How much of a refused upload is read and thrown away. Node's HTTP client reports a broken pipe
instead of the refusal when the server answers before it has read everything."""

OPENAI_VERSION = "2020-10-01"
"""The one version of its API that OpenAI's service states."""

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class RequestMiddleware:
    """ASGI middleware around every request; the one place where any exception is answered."""

    def __init__(self, app: ASGIApp, in_flight: InFlight) -> None:
        self._app = app
        self._in_flight = in_flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wire = _Wire(scope, receive, send, self._in_flight)
        with self._in_flight.counted():
            await self._answer(scope, wire)
        logger.debug(
            "%s %r: %s after %d ms (%s)",
            scope["method"],
            scope["path"],
            wire.status or "no answer",
            wire.age_ms(),
            wire.request_id,
        )

    async def _answer(self, scope: Scope, wire: _Wire) -> None:
        try:
            await self._app(scope, wire.receive, wire.send)
        except ClientDisconnect:
            logger.debug("the client left (%s)", wire.request_id)
        except asyncio.CancelledError:
            if not self._in_flight.is_cut_off:
                raise
            if wire.status is None:
                await errors.response_to(stopping())(scope, wire.receive, wire.send)
        except Exception:
            logger.exception("%s %r (%s)", scope["method"], scope["path"], wire.request_id)
            if wire.status is None:
                response = errors.response_to(errors.unexpected(wire.request_id))
                await response(scope, wire.receive, wire.send)


class _Wire:
    """Receive and send of one exchange, with what they have done so far."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, in_flight: InFlight) -> None:
        self.request_id = f"req_{uuid.uuid4().hex}"
        self.status: int | None = None
        self._receive = receive
        self._send = send
        self._in_flight = in_flight
        self._begun_s = time.monotonic()
        self._body_is_read = False
        self._client_waits = Headers(scope=scope).get("expect", "").lower() == "100-continue"
        scope.setdefault("state", {})["request_id"] = self.request_id

    def age_ms(self) -> int:
        return round((time.monotonic() - self._begun_s) * 1000)

    async def receive(self) -> Message:
        message = await self._receive()
        self._client_waits = False
        if not message.get("more_body", False):
            self._body_is_read = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._drain()
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.request_id
            headers["openai-processing-ms"] = str(self.age_ms())
            headers["openai-version"] = OPENAI_VERSION
            headers["x-content-type-options"] = "nosniff"
            if self._in_flight.is_stopping or not self._body_is_read:
                headers["connection"] = "close"
        await self._send(message)

    async def _drain(self) -> None:
        """Read the rest of the request, unless the client waits for leave to send it."""
        if self._client_waits or self._in_flight.is_cut_off:
            return
        n_bytes = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_MAX_S):
                while not self._body_is_read and n_bytes < DRAIN_MAX_BYTES:
                    n_bytes += len((await self.receive()).get("body", b""))


def request_id(scope: Scope) -> str:
    """The id `RequestMiddleware` gave this request, as in its ``x-request-id`` header."""
    value: str = scope["state"]["request_id"]
    return value


async def unless_gone(work: Coroutine[Any, Any, Result], receive: Receive) -> Result:
    """Run ``work`` in a task of its own, cancelled when the client leaves. For when the body has
    been read: the next thing to receive is then the client's departure.

    Raises:
        ClientDisconnect: the client left first.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnect(receive))
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
