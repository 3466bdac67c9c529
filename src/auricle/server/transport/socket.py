"""A websocket that a route lets in: messages come and are sent, and it closes with a reason.

Knows nothing about what messages mean; the dialects do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from auricle.errors import AuricleError, Overloaded, Unavailable, UpgradeRequired
from auricle.server.transport import context
from auricle.server.transport.websocket_protocol import LOST

MAX_OUTBOX_BYTES: Final = 1024 * 1024
"""What may wait for a client that reads more slowly than there is to say: hours of text."""

FLUSH_S: Final = 2.0
"""How long a socket that is being closed waits for its client to read the rest."""

MAX_REASON_BYTES: Final = 123
"""What fits into a close frame beside its code."""

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
POLICY_VIOLATION: Final = 1008
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013

Ended = Literal["left", "closed", "idle", "expired", "stopping", "slow"]
"""Why nothing more is received: the client closed the socket or is gone; `Socket.close` was called;
nothing came for too long; the session has lasted as long as it may; the server stops; the client
does not read what is sent."""

_CODES: Final[Mapping[Ended, int]] = {
    "idle": GOING_AWAY,
    "expired": GOING_AWAY,
    "stopping": SERVICE_RESTART,
    "slow": POLICY_VIOLATION,
}
"""With what a socket is closed if its dialect says nothing else."""


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """How a socket is accepted, and its limits in seconds: without a message, and in all."""

    subprotocol: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    idle_s: float | None = None
    max_s: float | None = None


class Closed(Exception):
    """Nothing can be sent any more."""


class Socket:
    """Iterate over it for the messages, text or bytes. That ends when no more are received; `ended`
    says why, and unless the client has left there is still time to `send` the rest."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        options: SocketOptions,
        is_lost: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ended: Ended | None = None
        self._receive = receive
        self._send = send
        self._is_lost = is_lost
        self._idle_s = options.idle_s
        self._waiting: asyncio.Timeout | None = None
        self._expires_s: float | None = None
        if options.max_s is not None:
            self._expires_s = asyncio.get_running_loop().time() + options.max_s
        self._outbox: deque[str] = deque()
        self._outbox_bytes = 0
        self._has_news = asyncio.Event()
        self._is_finishing = False
        self._close_with: tuple[int, str] | None = None

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while (message := await self._next()) is not None:
            text: str | None = message.get("text")
            yield message["bytes"] if text is None else text

    async def _next(self) -> Message | None:
        if self.ended is not None:
            return None
        now_s = asyncio.get_running_loop().time()
        idle_s = None if self._idle_s is None else now_s + self._idle_s
        deadlines = [at_s for at_s in (idle_s, self._expires_s) if at_s is not None]
        try:
            async with asyncio.timeout_at(min(deadlines, default=None)) as self._waiting:
                message = await self._receive()
        except TimeoutError:
            self.end("idle" if deadlines and min(deadlines) == idle_s else "expired")
            return None
        finally:
            self._waiting = None
        if message["type"] == "websocket.disconnect":
            self.end("left")
            return None
        return message

    def end(self, ended: Ended) -> None:
        """Receive nothing more. The first reason counts, but a client that is gone is gone."""
        if self.ended is None or ended in ("left", "slow"):
            self.ended = ended
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(0)

    def check(self) -> None:
        """For those who take long over a message.

        Raises:
            Closed: the client has left, or reads too slowly; what it said is of no use any more.
        """
        if self._is_lost():
            self.end("left")
        if self.ended in ("left", "slow"):
            raise Closed

    def send(self, text: str) -> None:
        """Send a message after those before it. Does not wait.

        Raises:
            Closed: the client has left, or reads too slowly.
        """
        if self.ended in ("left", "slow"):
            raise Closed
        self._outbox.append(text)
        self._outbox_bytes += len(text.encode())
        if self._outbox_bytes > MAX_OUTBOX_BYTES:
            self.end("slow")
            raise Closed
        self._has_news.set()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Receive nothing more, and close with this when the context is left. The first call
        counts."""
        self._close_with = self._close_with or (code, reason)
        self.end("closed")

    async def deliver(self) -> None:
        """Send the outbox as it fills, until `finish` and it is empty, or the client has left."""
        with contextlib.suppress(OSError):  # the client has left
            while self._outbox or not self._is_finishing:
                if not self._outbox:
                    self._has_news.clear()
                    await self._has_news.wait()
                    continue
                text = self._outbox.popleft()
                self._outbox_bytes -= len(text.encode())
                await self._send({"type": "websocket.send", "text": text})
            return
        self.end("left")

    async def finish(self, delivering: asyncio.Task[None]) -> None:
        """Let what was sent reach the client, for a while."""
        self._is_finishing = True
        self._has_news.set()
        if self.ended != "slow":
            await asyncio.wait({delivering}, timeout=FLUSH_S)
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)

    async def send_close(self, code: int | None = None, reason: str = "") -> None:
        """Send the close frame: with what `close` was called with, else this, else by `ended`."""
        if self.ended == "left":
            return
        given = NORMAL if self.ended is None else _CODES.get(self.ended, NORMAL)
        code, reason = self._close_with or (code or given, reason)
        with contextlib.suppress(OSError):
            await self._send({"type": "websocket.close", "code": code, "reason": _cut(reason)})

    async def close_for(self, exc: AuricleError) -> None:
        """Close because of an error."""
        await self.send_close(close_code(exc), exc.message)


@contextlib.asynccontextmanager
async def accepted(
    scope: Scope,
    receive: Receive,
    send: Send,
    options: SocketOptions = SocketOptions(),  # frozen
) -> AsyncIterator[Socket]:
    """Accept a websocket, and close it when the context is left. What is raised inside is told by
    the close code, see `close_code`."""
    known = context.of(scope)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in options.headers.items()]
    await receive()  # the request to connect
    await send({"type": "websocket.accept", "subprotocol": options.subprotocol, "headers": headers})
    socket = Socket(receive, send, options, scope.get("extensions", {}).get(LOST, lambda: False))
    known.answer_late = socket.close_for
    delivering = asyncio.create_task(socket.deliver(), name="websocket outbox")
    try:
        with known.in_flight.on_stop(lambda: socket.end("stopping")):
            yield socket
    finally:
        await socket.finish(delivering)
    await socket.send_close()


async def upgrade_required(request: Request) -> NoReturn:
    """Where there is a websocket, and a page is asked for."""
    context.of(request.scope).headers["upgrade"] = "websocket"
    raise UpgradeRequired(
        f"There is a websocket at {request.scope['path']}: ask for it with the headers "
        "'Connection: Upgrade' and 'Upgrade: websocket', which a proxy in between must pass on."
    )


def close_code(exc: AuricleError) -> int:
    """How an error is told where there is no status any more."""
    if isinstance(exc, Unavailable):
        return SERVICE_RESTART
    if isinstance(exc, Overloaded):
        return TRY_AGAIN_LATER
    return POLICY_VIOLATION if exc.status < 500 else INTERNAL_ERROR


def _cut(reason: str) -> str:
    """As much of it as a close frame holds."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
