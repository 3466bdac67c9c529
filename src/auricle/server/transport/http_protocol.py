"""HTTP as uvicorn speaks it, with limits on what a connection may take, and errors in JSON.

Knows nothing about paths, or about requests whose head could be read.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from auricle.errors import AuricleError, InvalidRequest, Unavailable
from auricle.server import errors

MAX_HEAD_BYTES: Final = 64 * 1024
"""Request line and headers. Browsers send at most some kilobytes; without a limit one client could
fill the memory without ever asking anything."""

MAX_FRAMING_BYTES: Final = 64 * 1024
MAX_FRAMING_PER_BYTE: Final = 16
"""What may stand between the bytes of a chunked body: sizes and extensions of chunks, trailers. A
body in chunks of one byte has five for each. Behind the last of its bytes, where trailers are kept
in memory, only the first of the two counts."""

MAX_PIPELINED: Final = 16
"""Requests that may wait on a connection for the answers before theirs."""

PIECE_BYTES: Final = 16 * 1024
"""What the parser is given at a time: it does not say where in it a request or its head ended."""

HEAD_S: float = 60.0
"""How long a head may take, from the connection on or from its first byte. Clients that connect and
say nothing would otherwise use up the connections there can be."""

PROBE_S: Final = 0.05
MAX_PROBE_S: Final = 30.0
"""When a client that closed its side is asked for the first time whether it is still there; each
time after twice as long."""

UNREADABLE = "The request is not valid HTTP/1.1."
TOO_LARGE = f"The request line and headers are larger than {MAX_HEAD_BYTES} bytes."
TOO_MUCH_FRAMING = "The chunked body has more framing, extensions and trailers than data."
TOO_SLOW = f"The request line and headers took longer than {HEAD_S:g} seconds."
TOO_MANY = "The server has as many connections as it can hold; try again in a moment."

TOO_MANY_RETRY_S: Final = 1.0

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpProtocol(HttpToolsProtocol):
    """One connection. The server holds ``max_connections``: when there are more, the one closes
    that has been idle for longest."""

    def __init__(self, *args: Any, max_connections: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._max_connections = max_connections
        self._active: RequestResponseCycle | None = None
        """The request that is being answered, or was last; others may wait in ``pipeline``."""
        self._idle_since_s = self.loop.time()
        self._is_in_head = False
        self._n_framing_bytes = 0
        """Received of the current request and not of its body; up to a piece less than it was."""
        self._n_body_bytes = 0
        self._n_bytes_since_body = 0
        """As much as came without a byte of the body."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._probe_timer: asyncio.TimerHandle | None = None

    # A connection begins and ends

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect_head()
        if len(self.connections) > self._max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)
        if self._active is not None and not self._active.response_complete:
            self._active.disconnected = True  # uvicorn tells the last of pipelined requests only
            self._active.message_event.set()

    def _make_room(self) -> None:
        idle = [
            each for each in self.connections if isinstance(each, HttpProtocol) and each.is_idle
        ]
        others = [each for each in idle if each is not self]
        if others:
            min(others, key=lambda each: each._idle_since_s).transport.close()
        else:
            busy = Unavailable(TOO_MANY, code="server_busy", retry_after_s=TOO_MANY_RETRY_S)
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, busy)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being received or answered, or only a head is that has not ended."""
        is_answered = self._active is None or self._active.response_complete
        return is_answered and not self.transport.is_closing()

    @property
    def _is_answering(self) -> bool:
        active = self._active
        return active is not None and active.response_started and not active.response_complete

    # A client closes its side

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn always lets it close
        """Keep the connection for the answer to a request that was sent whole. Whether its client
        waits for it, or has left, shows only when something is sent: an interim response, which
        clients skip. HTTP/1.0 has none, and with TLS asyncio closes anyway."""
        cycle = self.cycle
        is_waiting = cycle is not None and not (cycle.more_body or cycle.response_started)
        if not is_waiting or self.scheme == "https":
            return False
        cycle.keep_alive = False
        if self.scope["http_version"] == "1.1":
            self._probe(PROBE_S)
        return True

    def _probe(self, next_s: float) -> None:
        self._probe_timer = None
        if self.transport.is_closing() or self.cycle.response_started:
            return
        if not self._is_answering:
            self.transport.write(CONTINUE)
        self._probe_timer = self.loop.call_later(next_s, self._probe, min(2 * next_s, MAX_PROBE_S))

    # Requests as they come

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            self._n_framing_bytes += len(piece)
            self._n_bytes_since_body += len(piece)
            super().data_received(piece)
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            self._check_sizes()
        if self.is_idle and not self._is_in_head and self._head_timer is None:
            self._expect_head()  # blank lines are no request, but end uvicorn's keep-alive

    def _check_sizes(self) -> None:
        if self._is_in_head:
            if self._n_framing_bytes > MAX_HEAD_BYTES:
                too_large = InvalidRequest(TOO_LARGE)
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, too_large)
        elif self._has_too_much_framing:
            self._refuse(HTTPStatus.BAD_REQUEST, InvalidRequest(TOO_MUCH_FRAMING))

    @property
    def _has_too_much_framing(self) -> bool:
        most = MAX_FRAMING_BYTES + MAX_FRAMING_PER_BYTE * self._n_body_bytes
        return self._n_framing_bytes > most or self._n_bytes_since_body > MAX_FRAMING_BYTES

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._n_framing_bytes = 0
        self._n_body_bytes = 0
        self._is_in_head = True
        if self._head_timer is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_timers()
        n_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if n_bytes > MAX_HEAD_BYTES:
            too_large = InvalidRequest(TOO_LARGE)
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, too_large)
            raise ValueError  # makes the parser stop; `send_400_response` finds it answered
        self._n_framing_bytes = self._n_bytes_since_body = 0
        super().on_headers_complete()
        if len(self.pipeline) > MAX_PIPELINED:
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self._n_framing_bytes -= len(body)
        self._n_body_bytes += len(body)
        self._n_bytes_since_body = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        self._idle_since_s = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Called for what cannot be parsed."""
        self._refuse(HTTPStatus.BAD_REQUEST, InvalidRequest(UNREADABLE))

    # Time

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._probe_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._probe_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._is_in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, InvalidRequest(TOO_SLOW))
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, exc: AuricleError) -> None:
        """Answer by hand and close, unless an answer is under way: this would end up in it."""
        if self.transport.is_closing():
            return
        if self._is_answering:
            self.transport.close()
            return
        self.transport.write(errors.as_bytes(exc, status))
        self.transport.close()
