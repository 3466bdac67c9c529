"""Websockets as uvicorn speaks them, with limits on what a connection may take.

Knows nothing about paths or messages. ``http_protocol`` has read the head of the handshake.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidMessage
from websockets.frames import CloseCode, Frame

from auricle.errors import InvalidRequest
from auricle.server import errors

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""OpenAI's realtime API takes 15 MiB of audio in one event."""

MAX_FRAGMENTS: Final = 16 * 1024
"""Parts of one message. Empty ones would fill the memory without making it larger."""

MAX_UNREAD_BYTES: Final = 1024 * 1024
"""What may wait for a client that does not read: pongs, which nothing else holds back."""

PING_S: Final = 20.0
"""A client is pinged this often, and given up when it does not answer for as long."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection."""

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
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # else uvicorn reports refusals as faults

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
