"""HTTP as uvicorn speaks it, with an end to what a request's head may take, and errors in JSON.

Knows nothing about paths, or about requests whose head could be read.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from auricle.errors import InvalidRequest
from auricle.server import errors

MAX_HEAD_BYTES = 64 * 1024
"""Request line and headers. Browsers send at most some kilobytes; without a limit one client could
fill the memory without ever asking anything."""

UNREADABLE = "The request is not valid HTTP/1.1."
TOO_LARGE = f"The request line and headers are larger than {MAX_HEAD_BYTES} bytes."


class BoundedHttp(HttpToolsProtocol):
    """One connection. A head is counted when it is complete, and while it is not."""

    _n_head_bytes = 0
    _is_in_head = False

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

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        n_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if n_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
            raise ValueError  # makes the parser stop; `send_400_response` finds it answered
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Called for what cannot be parsed."""
        self._refuse(HTTPStatus.BAD_REQUEST, UNREADABLE)

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
