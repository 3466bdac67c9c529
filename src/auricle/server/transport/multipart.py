"""A multipart form read from the network: text fields to memory, the recording to a named file.

Knows nothing about what the fields mean, or what is in the recording.

Starlette's form reader cannot give a file by name (the decoder is another process and opens it
itself), nor limits per part; this one drives the same low-level parser.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from auricle.errors import InvalidRequest
from auricle.server.transport import body
from auricle.server.transport.spool import SpoolFile
from auricle.server.transport.upload import (
    BLOCK_BYTES,
    MAX_FIELDS,
    FieldRoom,
    Limits,
    Upload,
    on_disk,
)

MAX_HEADERS_PER_PART: Final = 16
MAX_HEADER_BYTES: Final = 8 * 1024

MAX_PREAMBLE_BYTES: Final = 8 * 1024
"""What may stand before the first boundary; RFC 2046 (5.1.1) says to ignore it."""


@dataclass(frozen=True, slots=True)
class FileField:
    """The form field that holds the recording. ``header`` is written before a recording that has
    none of its own, so that bare samples become a file."""

    name: str
    header: bytes = b""

    def missing_header(self, begin: bytes) -> bytes:
        return b"" if begin.startswith(self.header[:4]) else self.header


FILE: Final = FileField("file")


@contextlib.asynccontextmanager
async def received(
    request: Request, limits: Limits, file_field: FileField = FILE
) -> AsyncIterator[Upload]:
    """Read the whole form; the file is gone when the context is left, however that happens.

    Raises:
        InvalidRequest: not a readable multipart form, or over a limit (413 for the whole body).
        UploadStalled: it came too slowly.
        StorageFull: the disk that holds temporary files is full, or would be too full.
        ClientDisconnect: the client left before the end.
    """
    boundary = _boundary(request)
    announced = body.content_length(request)
    with limits.spool.upload() as files:
        if BLOCK_BYTES < announced <= limits.max_bytes:
            await on_disk(partial(files.reserve, announced))
        form = _Form(boundary, files.file(), file_field)
        async for piece in body.pieces(request, limits.max_bytes, limits.min_bytes_per_s):
            form.feed(piece)
            if form.pending_bytes >= BLOCK_BYTES:
                await on_disk(form.flush)
        await on_disk(form.close)
        yield form.upload()


def _boundary(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "")
    kind, parameters = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        got = repr(content_type[:100]) if content_type else "none"
        raise InvalidRequest(
            f"Content-Type must be multipart/form-data or application/json, but got {got}."
        )
    boundary = parameters.get(b"boundary")
    if not boundary:
        raise InvalidRequest("Content-Type multipart/form-data has no boundary parameter.")
    return boundary


class _Preamble:
    """What comes before the first boundary, to be dropped."""

    def __init__(self, boundary: bytes) -> None:
        self.is_over = False
        self.held = b""
        self._begin = re.compile(rb"(?:\A|\n)(?=--" + re.escape(boundary) + rb"(?:\r\n|--))")

    def rest(self, piece: bytes) -> bytes:
        """What of the body so far belongs to the form."""
        self.held += piece
        found = self._begin.search(self.held)
        if found is not None and found.end() <= MAX_PREAMBLE_BYTES:
            self.is_over = True
            return self.held[found.end() :]
        if len(self.held) > MAX_PREAMBLE_BYTES:
            self.refuse()
        return b""

    def refuse(self) -> NoReturn:
        raise InvalidRequest(
            "The multipart body is malformed: the boundary that Content-Type names is not in its "
            f"first {MAX_PREAMBLE_BYTES} bytes."
        )


class _Part:
    """One part while its headers and data arrive."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.header_name = bytearray()
        self.header_value = bytearray()
        self.name = ""
        self.is_file = False
        self.data = bytearray()


class _Form:
    """Parser callbacks that collect fields, and blocks of the file for `flush` to write."""

    def __init__(self, boundary: bytes, file: SpoolFile, file_field: FileField) -> None:
        self.pending_bytes = 0
        self._file = file
        self._file_field = file_field
        self._pending: list[bytes] = []
        self._fields: list[tuple[str, str]] = []
        self._room = FieldRoom()
        self._part = _Part()
        self._n_parts = 0
        self._is_complete = False
        self._file_bytes = 0
        self._file_name = ""
        self._preamble = _Preamble(boundary)
        self._parser = self._new_parser(boundary)

    def _new_parser(self, boundary: bytes) -> MultipartParser:
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
                max_header_count=MAX_HEADERS_PER_PART,
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError as exc:
            raise InvalidRequest(f"The multipart boundary is not usable: {exc}.") from exc

    def feed(self, piece: bytes) -> None:
        if not self._preamble.is_over:
            piece = self._preamble.rest(piece)
        try:
            self._parser.write(piece)
        except FormParserError as exc:
            raise InvalidRequest(f"The multipart body is malformed: {exc}.") from exc

    def flush(self) -> None:
        """Write what is pending. For a worker thread."""
        begin = b"".join(self._pending)
        if not self._file.n_bytes:
            begin = self._file_field.missing_header(begin) + begin
        self._file.write(begin)
        self._pending.clear()
        self.pending_bytes = 0

    def close(self) -> None:
        """Write the rest and close the file."""
        if self._preamble.held and not self._preamble.is_over:
            self._preamble.refuse()
        if not self._is_complete:
            raise InvalidRequest("The multipart body ends before its closing boundary.")
        if self._pending:
            self.flush()
        self._file.close()

    def upload(self) -> Upload:
        name = self._file_field.name
        if self._file_name and self._file.path is None:
            message = f"The recording in '{name}' is empty (0 bytes)."
            raise InvalidRequest(message, param=name, code="invalid_value")
        return Upload(tuple(self._fields), self._file.path, self._file_bytes, name, self._file_name)

    def _on_part_begin(self) -> None:
        self._n_parts += 1
        if self._n_parts > MAX_FIELDS:
            raise InvalidRequest(f"The form has more than {MAX_FIELDS} parts.")
        self._part = _Part()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.header_value += data[start:end]

    def _on_header_end(self) -> None:
        part = self._part
        part.headers[bytes(part.header_name).lower()] = bytes(part.header_value)
        part.header_name.clear()
        part.header_value.clear()

    def _on_headers_finished(self) -> None:
        part = self._part
        disposition = part.headers.get(b"content-disposition", b"").decode("latin-1")
        kind, parameters = parse_options_header(disposition)
        if kind != b"form-data" or not parameters.get(b"name"):
            raise InvalidRequest("A part of the form has no name in its Content-Disposition.")
        part.name = _utf8(parameters[b"name"], "a field name")
        encoding = part.headers.get(b"content-transfer-encoding", b"binary").lower()
        if encoding not in (b"binary", b"8bit", b"7bit"):
            raise InvalidRequest(
                f"'{part.name}' has a Content-Transfer-Encoding; send plain bytes instead.",
                param=part.name,
            )
        part.is_file = part.name == self._file_field.name
        if part.is_file:
            self._check_file(parameters.get(b"filename", b""))
        elif b"filename" in parameters:
            raise InvalidRequest(
                f"'{part.name}' is a file; the only file a request may carry is "
                f"'{self._file_field.name}'.",
                param=part.name,
            )

    def _check_file(self, file_name: bytes) -> None:
        if self._file_name or self._file_bytes:
            name = self._file_field.name
            raise InvalidRequest(f"'{name}' was sent twice; send one recording.", param=name)
        self._file_name = file_name.decode("utf-8", "replace")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.is_file:
            self._pending.append(data[start:end])
            self.pending_bytes += end - start
            self._file_bytes += end - start
            return
        part.data += data[start:end]
        self._room.check(part.name, len(part.data))

    def _on_part_end(self) -> None:
        if not self._part.is_file:
            self._room.take(self._part.name, len(self._part.data))
            value = _utf8(bytes(self._part.data), f"'{self._part.name}'")
            self._fields.append((self._part.name, value))

    def _on_end(self) -> None:
        self._is_complete = True


def _utf8(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"The form is not UTF-8: {what} has other bytes in it.") from exc
