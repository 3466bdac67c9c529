"""Wyoming's events on a TCP stream: a line of JSON, then the bytes of data and payload it says.

Knows nothing about what events mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from auricle.errors import UNDECODABLE, InvalidRequest

MAX_LINE_BYTES: Final = 64 * 1024
MAX_DATA_BYTES: Final = 1024 * 1024
"""JSON behind the line: the names of everything in a house."""

MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
"""Audio of one event: two minutes of 16 kHz mono in 16 bit."""

Data = dict[str, Any]


class Event(msgspec.Struct, frozen=True):
    """One event; its fields are those of the line and of the data behind it."""

    type: str
    data: Data = {}
    payload: bytes = b""


_Length = Annotated[int, msgspec.Meta(ge=0)]


class _Line(msgspec.Struct, frozen=True):
    type: str
    data: Data | None = None
    data_length: _Length | None = None
    payload_length: _Length | None = None


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """The next event, which waits for it; None at the end. ``reader`` has `MAX_LINE_BYTES` as its
    limit.

    Raises:
        InvalidRequest: what came is none, or is larger than it may be.
    """
    try:
        line = await reader.readline()
        if not line:
            return None
        head = msgspec.json.decode(line, type=_Line)
        data = dict(head.data or {})
        if head.data_length:
            _check("data_length", head.data_length, MAX_DATA_BYTES)
            data |= msgspec.json.decode(await reader.readexactly(head.data_length), type=Data)
        payload = b""
        if head.payload_length:
            _check("payload_length", head.payload_length, MAX_PAYLOAD_BYTES)
            payload = await reader.readexactly(head.payload_length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except UNDECODABLE as exc:
        raise InvalidRequest(f"This is not an event of the Wyoming protocol: {exc}.") from exc
    except ValueError as exc:  # the limit of the reader
        message = f"The line of an event is longer than {MAX_LINE_BYTES} bytes."
        raise InvalidRequest(message) from exc
    return Event(head.type, data, payload)


def event_bytes(kind: str, data: Mapping[str, Any] | msgspec.Struct) -> bytes:
    """An event without payload as it is written."""
    body = msgspec.json.encode(data)
    line = {"type": kind, "data_length": len(body)}
    return msgspec.json.encode(line) + b"\n" + body


def _check(name: str, n_bytes: int, most: int) -> None:
    if n_bytes > most:
        raise InvalidRequest(f"'{name}' is {n_bytes}; at most {most} bytes are taken.", param=name)
