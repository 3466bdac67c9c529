"""Server-sent events: bytes go in as they arrive, the data of each complete event comes out.

Knows nothing about connections, or what the data means.
"""

from __future__ import annotations

import re
from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class EventReader:
    """One stream. It may be cut anywhere, within a line end or a character too. An event without
    the blank line that ends it never happened."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._is_first_line = True
        self._ended_with_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that ``piece`` completes; comments and the rest are dropped."""
        if not piece:
            return []
        following = piece.removeprefix(b"\n") if self._ended_with_cr else piece
        self._ended_with_cr = piece.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + following)
        return [data for line in lines if (data := self._line(line)) is not None]

    def _line(self, line: bytes) -> bytes | None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
            return None
        data, self._data = self._data, []
        return b"\n".join(data) if data else None
