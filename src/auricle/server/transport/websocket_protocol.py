"""Websockets as uvicorn speaks them, with limits on what a connection may take.

Knows nothing about paths or messages. ``http_protocol`` has read the head of the handshake.
"""

from __future__ import annotations

import asyncio
import select
import socket
from asyncio.transports import BaseTransport
from collections import deque
from http import HTTPStatus
from typing import ClassVar, Final

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidMessage
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from auricle.errors import InvalidRequest
from auricle.server import errors

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""OpenAI's realtime API takes 15 MiB of audio in one event."""

MAX_FRAGMENTS: Final = 16 * 1024
"""Parts of one message. Empty ones would fill the memory without making it larger."""

MAX_UNRECEIVED_BYTES: Final = 16 * 1024 * 1024
"""Messages that wait to be received, above which no more is read. Pings are answered until then:
clients that hear nothing for 20 s leave, and a busy engine may be behind by more."""

MIN_UNRECEIVED_BYTES: Final = 1024 * 1024
MAX_ALL_UNRECEIVED_BYTES: Final = 64 * 1024 * 1024
"""Where those of all connections are more than this, each has the least."""

MESSAGE_BYTES: Final = 320
"""What a message counts besides its data."""

MAX_UNREAD_BYTES: Final = 1024 * 1024
"""What may wait for a client that does not read: pongs, which nothing else holds back."""

PING_S: Final = 20.0
"""A client is pinged this often, and given up when it does not answer for as long."""

RECEIVE_BUFFER_BYTES: Final = 256 * 1024
"""What the system takes of a client that sends faster than it is read. Its pings wait behind that,
and clients give up when they get no answer."""

ALIVE_CHECK_S: Final = 0.5
"""How often a client that is not read from is looked at, whether it is still there."""

CLOSE_S: Final = 10.0
"""How long a connection that is being closed waits for its client to read the rest and to leave."""

LOST: Final = "auricle.lost"
"""Extension of a websocket's scope: a function that says whether its client is gone, also while
there are messages of it that nobody has received."""

_HANGUP: Final = getattr(select, "POLLRDHUP", 0)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection. It is not read from while many messages wait to be received."""

    _n_unreceived = 0
    """Bytes of messages that wait to be received."""
    n_all_unreceived: ClassVar[int] = 0
    """The same of all connections."""
    _alive_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._sizes: deque[int] = deque()
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._alive_timer is not None:
            self._alive_timer.cancel()
        self._waits(-self._n_unreceived)
        self._sizes.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        exc = self.conn.handshake_exc
        if exc is None or self.handshake_initiated:
            return
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        if isinstance(exc, InvalidMessage):
            status = HTTPStatus.BAD_REQUEST
        self.transport.write(
            errors.as_bytes(
                InvalidRequest(f"The websocket handshake cannot be read: {exc}."), status
            )
        )
        self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()  # else uvicorn waits for a client that does not read
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # else uvicorn reports refusals as faults
        if self.close_timer is not None:
            self._abort_later()  # else uvicorn waits for it here

    def _abort_later(self) -> None:
        """Have the connection end whether or not its client reads what was written."""
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # else the handshake was refused
            extensions: dict[str, object] = self.scope["extensions"]  # type: ignore[assignment]
            extensions[LOST] = lambda: self.disconnected

    def send_receive_event_to_app(self) -> None:
        if self.close_sent:  # it is thrown away
            super().send_receive_event_to_app()
            return
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.frames = []
            self.conn.fail(CloseCode.INVALID_DATA)  # uvicorn would log it as a fault
            self.handle_parser_exception()
            return
        self._sizes.append(MESSAGE_BYTES + sum(len(frame) for frame in self.frames))
        self._waits(self._sizes[-1])
        is_full = self.read_paused or self._is_full
        # uvicorn would read nothing behind the first message, nor answer pings.
        self.read_paused = not is_full
        super().send_receive_event_to_app()
        self.read_paused = is_full
        if is_full and self._alive_timer is None and _HANGUP:
            self._alive_timer = self.loop.call_later(ALIVE_CHECK_S, self._check_alive)

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        if message["type"] == "websocket.receive" and self._sizes:
            self._waits(-self._sizes.popleft())
            if self.read_paused and not self._is_full:
                self.read_paused = False
                self.transport.resume_reading()
        return message

    def _waits(self, n_bytes: int) -> None:
        """So much more waits to be received."""
        self._n_unreceived += n_bytes
        WebSocketProtocol.n_all_unreceived += n_bytes

    @property
    def _is_full(self) -> bool:
        is_crowded = WebSocketProtocol.n_all_unreceived > MAX_ALL_UNRECEIVED_BYTES
        most = MIN_UNRECEIVED_BYTES if is_crowded else MAX_UNRECEIVED_BYTES
        return self._n_unreceived > most

    def _check_alive(self) -> None:
        """Give up a client that has left: what it sent before waits in vain."""
        self._alive_timer = None
        if not self.read_paused or self.transport.is_closing():
            return
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), _HANGUP)
        if poll.poll(0):
            self.transport.abort()
        else:
            self._alive_timer = self.loop.call_later(ALIVE_CHECK_S, self._check_alive)

    def keepalive_timeout(self) -> None:
        if self.read_paused:  # its answer is among what is not read
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._abort_later()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        else:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        if self.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.transport.abort()
        else:
            super().handle_ping()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
