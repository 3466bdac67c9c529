"""A multipart form read from the network: text fields to memory, the recording to a named file.

Knows nothing about what the fields mean, or what is in the recording.

Starlette's form reader cannot give a file by name (the decoder is another process and opens it
itself), nor limits per part; this one drives the same low-level parser.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from auricle.config import Settings
from auricle.errors import InvalidRequest, StorageFull, TooLarge, UploadStalled
from auricle.server.transport.spool import Spool

MIB = 1024 * 1024
MAX_FIELD_BYTES = 64 * 1024
MAX_PARTS = 256
MAX_HEADERS_PER_PART = 16
MAX_HEADER_BYTES = 8 * 1024
BLOCK_BYTES = 1024 * 1024
"""How much of the recording is collected before a thread writes it: few hand-overs, and what one
upload holds in memory stays small."""

STALL_S = 60.0
"""An upload that sends nothing for this long is given up."""


@dataclass(frozen=True, slots=True)
class FileField:
    """The form field that holds the recording. ``header`` is written before a recording that has
    none of its own, so that bare samples become a file."""

    name: str
    header: bytes = b""

    def missing_header(self, begin: bytes) -> bytes:
        return b"" if begin.startswith(self.header[:4]) else self.header


FILE = FileField("file")


@dataclass(frozen=True, slots=True)
class Upload:
    """A form: text fields in the order they came, and the recording if there was one."""

    fields: tuple[tuple[str, str], ...]
    file: Path | None
    file_bytes: int
    file_field: str = "file"
    """What the client calls the recording."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one upload may take, what uploads must leave on the disk, and where they go."""

    max_bytes: int
    min_free_bytes: int = 0
    spool: Spool = field(default_factory=Spool)

    @classmethod
    def of(cls, settings: Settings, spool: Spool) -> Limits:
        return cls(settings.max_upload_mb * MIB, settings.min_free_disk_mb * MIB, spool)

    def check_space(self, n_bytes: int) -> None:
        """Raise `StorageFull` when writing so much would leave too little free."""
        folder = tempfile.gettempdir()
        free_bytes = shutil.disk_usage(folder).free
        if free_bytes - n_bytes < self.min_free_bytes:
            raise StorageFull(
                f"No room for the recording: the disk of {folder} has {free_bytes // MIB} MiB "
                f"left, of which {self.min_free_bytes // MIB} stay free (min_free_disk_mb)."
            )


@contextlib.asynccontextmanager
async def received(
    request: Request, limits: Limits, file_field: FileField = FILE
) -> AsyncIterator[Upload]:
    """Read the whole form; the file is gone when the context is left, however that happens.

    Raises:
        InvalidRequest: not a readable multipart form, or over a limit (413 for the whole body).
        StorageFull: the disk that holds temporary files is full, or would be too full.
        ClientDisconnect: the client left before the end.
    """
    boundary = _boundary(request)
    announced = content_length(request)
    if announced > limits.max_bytes:
        raise too_large(limits.max_bytes, announced)
    if announced > BLOCK_BYTES:
        await asyncio.to_thread(limits.check_space, announced)
    with contextlib.ExitStack() as spool_files:
        form = _Form(boundary, spool_files, limits, file_field)
        async for chunk in body(request, limits.max_bytes):
            form.feed(chunk)
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


def content_length(request: Request) -> int:
    """What the client says it will send, 0 when it does not say."""
    announced = request.headers.get("content-length", "")
    return int(announced) if re.fullmatch(r"[0-9]{1,18}", announced) else 0


def too_large(max_bytes: int, n_bytes: int) -> TooLarge:
    return TooLarge(f"Maximum content size limit ({max_bytes}) exceeded ({n_bytes} bytes read)")


async def body(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    n_bytes = 0
    more = True
    while more:
        try:
            async with asyncio.timeout(STALL_S):
                message = await request.receive()
        except TimeoutError as exc:
            raise UploadStalled(f"The upload sent nothing for {STALL_S:g} seconds.") from exc
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise too_large(max_bytes, n_bytes)
        yield chunk
        more = message.get("more_body", False)


async def on_disk(write: Callable[[], None]) -> None:
    """Run ``write`` in a thread; a cancelled request waits for it, so that the file it writes to
    is not closed under it."""
    task = asyncio.ensure_future(asyncio.to_thread(write))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            folder = tempfile.gettempdir()
            raise StorageFull(f"No room for the recording: the disk of {folder} is full.") from exc
        raise


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

    def __init__(
        self,
        boundary: bytes,
        spool_files: contextlib.ExitStack,
        limits: Limits,
        file_field: FileField,
    ) -> None:
        self.pending_bytes = 0
        self._file_field = file_field
        self._limits = limits
        self._spool_files = spool_files
        self._pending: list[bytes] = []
        self._fields: list[tuple[str, str]] = []
        self._part = _Part()
        self._n_parts = 0
        self._is_complete = False
        self._path: Path | None = None
        self._spool: BinaryIO | None = None
        self._file_bytes = 0
        self._has_file_name = False
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

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as exc:
            raise InvalidRequest(f"The multipart body is malformed: {exc}.") from exc

    def flush(self) -> None:
        """Write what is pending; the first call makes the file. For a worker thread."""
        self._limits.check_space(self.pending_bytes)
        if self._spool is None:
            descriptor, self._path = self._limits.spool.new()
            self._spool_files.callback(self._path.unlink, missing_ok=True)
            self._spool = os.fdopen(descriptor, "wb", buffering=0)
            self._spool_files.callback(self._spool.close)
            begin = b"".join(self._pending)
            self._pending = [self._file_field.missing_header(begin), begin]
        block = memoryview(b"".join(self._pending))
        while block:
            block = block[self._spool.write(block) :]
        self._pending.clear()
        self.pending_bytes = 0

    def close(self) -> None:
        """Write the rest and close the file, so that another process may open it."""
        if not self._is_complete:
            raise InvalidRequest("The multipart body ends before its closing boundary.")
        if self._pending:
            self.flush()
        if self._spool is not None:
            self._spool.close()

    def upload(self) -> Upload:
        if self._has_file_name and self._path is None:
            name = self._file_field.name
            message = f"The recording in '{name}' is empty (0 bytes)."
            raise InvalidRequest(message, param=name, code="invalid_value")
        name = self._file_field.name
        return Upload(tuple(self._fields), self._path, self._file_bytes, name)

    def _on_part_begin(self) -> None:
        self._n_parts += 1
        if self._n_parts > MAX_PARTS:
            raise InvalidRequest(f"The form has more than {MAX_PARTS} parts.")
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
            self._check_file(has_file_name=bool(parameters.get(b"filename")))
        elif b"filename" in parameters:
            raise InvalidRequest(
                f"'{part.name}' is a file; the only file a request may carry is "
                f"'{self._file_field.name}'.",
                param=part.name,
            )

    def _check_file(self, *, has_file_name: bool) -> None:
        if self._has_file_name or self._file_bytes:
            name = self._file_field.name
            raise InvalidRequest(f"'{name}' was sent twice; send one recording.", param=name)
        self._has_file_name = has_file_name

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.is_file:
            self._pending.append(data[start:end])
            self.pending_bytes += end - start
            self._file_bytes += end - start
            return
        part.data += data[start:end]
        if len(part.data) > MAX_FIELD_BYTES:
            message = f"'{part.name}' is longer than {MAX_FIELD_BYTES} bytes."
            raise InvalidRequest(message, param=part.name, code="string_above_max_length")

    def _on_part_end(self) -> None:
        if not self._part.is_file:
            value = _utf8(bytes(self._part.data), f"'{self._part.name}'")
            self._fields.append((self._part.name, value))

    def _on_end(self) -> None:
        self._is_complete = True


def _utf8(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"The form is not UTF-8: {what} has other bytes in it.") from exc
