"""HTTP as uvicorn speaks it, with an end to what a request's head may take, and errors in JSON.

Knows nothing about paths, or about requests whose head could be read.
"""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from auricle.errors import InvalidRequest
from auricle.server import errors

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers. Browsers send at most some kilobytes; without a limit one client could
fill the memory without ever asking anything."""

HEAD_S = 60.0
"""How long a head may take, from the connection on or from its first byte. Clients that connect and
say nothing would otherwise use up the connections there can be."""

UNREADABLE = "The request is not valid HTTP/1.1."
TOO_LARGE = f"The request line and headers are larger than {MAX_HEAD_BYTES} bytes."

TOO_SLOW = f"The request line and headers took longer than {HEAD_S:g} seconds."


class HttpProtocol(HttpToolsProtocol):
    """One connection. A head is counted when it is complete, and while it is not."""

    _n_head_bytes = 0
    _is_in_head = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_in_head:
            self._n_head_bytes += len(data)
            if self._n_head_bytes > MAX_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._n_head_bytes = 0
        self._is_in_head = True
        if self._head_timer is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_timer()
        n_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if n_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
            raise ValueError  # makes the parser stop; `send_400_response` finds it answered
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Called for what cannot be parsed."""
        self._refuse(HTTPStatus.BAD_REQUEST, UNREADABLE)

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._is_in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        if self.transport.is_closing():
            return
        body = msgspec.json.encode(errors.body_of(InvalidRequest(message)))
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-request-id: req_{uuid.uuid4().hex}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
