"""A request as a JSON object: fields as they are called in a form, the recording as base64.

Knows nothing about what the fields mean, or what is in the recording. OpenRouter's API has this
shape, and Open WebUI can send it. The body goes to a file while it is uploaded, and is in memory
only while it is read, as one piece; the recording is written to another file, block by block.
"""

from __future__ import annotations

import binascii
import contextlib
import os
from collections.abc import AsyncIterator, Iterator

import msgspec
from starlette.requests import Request

from auricle.errors import InvalidRequest
from auricle.server.transport import upload
from auricle.server.transport.upload import (
    BLOCK_BYTES,
    MAX_FIELD_BYTES,
    MAX_PARTS,
    MIB,
    Limits,
    Upload,
)

MAX_BODY_BYTES = 36 * MIB
"""The largest recording that OpenAI takes, 25 MiB, as base64. Larger ones come as a form."""

INPUT_AUDIO = "input_audio"
DATA = f"{INPUT_AUDIO}.data"
"""Where the recording is: ``{"input_audio": {"data": "…", "format": "mp3"}}``. The format is not
looked at: the content decides."""

_ESCAPES = ((b"\\/", b"/"), (b"\\n", b""), (b"\\r", b""))
"""How JSON may write what stands in base64: a slash, and line breaks."""

_URL_SAFE = bytes.maketrans(b"-_", b"+/")

_DATA_URL = b"data:"
MAX_HEAD_BYTES = 200
"""How far into a data URL its comma is looked for."""

Object = dict[str, msgspec.Raw]


def is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


@contextlib.asynccontextmanager
async def received(request: Request, limits: Limits) -> AsyncIterator[Upload]:
    """Read the whole body; its files are gone when the context is left, however that happens.

    Raises:
        InvalidRequest: not a JSON object of plain values, or over a limit (413 for the whole body).
        StorageFull: the disk that holds temporary files is full, or would be too full.
        ClientDisconnect: the client left before the end.
    """
    max_bytes = min(limits.max_bytes, MAX_BODY_BYTES)
    announced = upload.content_length(request)
    if announced > max_bytes:
        raise upload.too_large(max_bytes, announced)
    with contextlib.ExitStack() as files:
        body, recording = _File(limits, files), _File(limits, files)
        async for chunk in upload.body(request, max_bytes):
            body.pending += chunk
            if len(body.pending) >= BLOCK_BYTES:
                await upload.on_disk(body.flush)
        await upload.on_disk(body.close)
        fields: list[tuple[str, str]] = []
        await upload.on_disk(lambda: fields.extend(_read(body, recording)))
        path = recording.path if recording.n_bytes else None
        yield Upload(tuple(fields), path, recording.n_bytes, DATA)


class _File:
    """A temporary file while it is written. Every method blocks."""

    def __init__(self, limits: Limits, files: contextlib.ExitStack) -> None:
        self.pending = bytearray()
        self.n_bytes = 0
        self._limits = limits
        descriptor, self.path = limits.spool.new()
        files.callback(self.path.unlink, missing_ok=True)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        files.callback(self._file.close)

    def flush(self) -> None:
        """Write what is pending."""
        self._limits.check_space(len(self.pending))
        block = memoryview(bytes(self.pending))
        while block:
            block = block[self._file.write(block) :]
        self.n_bytes += len(self.pending)
        self.pending.clear()

    def close(self) -> None:
        self.flush()
        self._file.close()


def _read(body: _File, recording: _File) -> list[tuple[str, str]]:
    """The fields of the form that the body stands for; the recording in it is written."""
    if not body.n_bytes:
        raise InvalidRequest("The body is empty; it must be a JSON object.")
    values = _object(body.path.read_bytes(), "The body")
    if len(values) > MAX_PARTS:
        raise InvalidRequest(f"The body has more than {MAX_PARTS} fields.")
    if INPUT_AUDIO in values:
        _write(_object(values.pop(INPUT_AUDIO), f"'{INPUT_AUDIO}'").get("data"), recording)
    return [(name, _text(name, value)) for name, value in values.items()]


def _object(text: bytes | msgspec.Raw, what: str) -> Object:
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidRequest(f"{what} is not a JSON object: {exc}.") from exc


def _text(name: str, value: msgspec.Raw) -> str:
    """A value as a form has it: lists and objects may be JSON there, too."""
    if len(memoryview(value)) > MAX_FIELD_BYTES:
        message = f"'{name}' is longer than {MAX_FIELD_BYTES} bytes."
        raise InvalidRequest(message, param=name, code="string_above_max_length")
    found = msgspec.json.decode(value)
    return found if isinstance(found, str) else bytes(memoryview(value)).decode()


def _write(data: msgspec.Raw | None, recording: _File) -> None:
    if data is None or bytes(memoryview(data)[:4]) == b"null":
        return
    text = memoryview(data)
    if bytes(text[:1]) != b'"':
        raise _not_base64("it is no text")
    waiting = b""
    try:
        for block in _unescaped(text[1:-1]):
            waiting += block
            whole = len(waiting) // 4 * 4
            recording.pending += binascii.a2b_base64(waiting[:whole], strict_mode=True)
            recording.flush()
            waiting = waiting[whole:]
        padded = waiting + b"=" * (-len(waiting) % 4)
        recording.pending += binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error as exc:
        raise _not_base64(str(exc)) from exc
    recording.close()
    if not recording.n_bytes:
        raise InvalidRequest(
            f"The recording in '{DATA}' is empty (0 bytes).", param=DATA, code="invalid_value"
        )


def _unescaped(text: memoryview) -> Iterator[bytes]:
    """What a JSON string says, block by block; a data URL's head is left out."""
    start = 0
    if bytes(text[: len(_DATA_URL)]) == _DATA_URL:
        start = bytes(text[:MAX_HEAD_BYTES]).find(b",") + 1
    while start < len(text):
        end = start + BLOCK_BYTES
        if bytes(text[end - 1 : end]) == b"\\":  # an escape is not torn
            end += 1
        block = bytes(text[start:end])
        for escape, plain in _ESCAPES:
            block = block.replace(escape, plain)
        yield block.translate(_URL_SAFE)
        start = end


def _not_base64(reason: str) -> InvalidRequest:
    message = f"Invalid '{DATA}': the recording must be base64: {reason}."
    return InvalidRequest(message, param=DATA, code="invalid_value")
