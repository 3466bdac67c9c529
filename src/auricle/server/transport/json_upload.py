"""A request as a JSON object: fields as they are called in a form, the recording as base64.

Knows nothing about what the fields mean, or what is in the recording. OpenRouter's API has this
shape, and Open WebUI can send it. The body goes to a file while it is uploaded, and is in memory
only while it is read, as one piece; the recording is written to another file, block by block.
"""

from __future__ import annotations

import binascii
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial

import msgspec
from starlette.requests import Request

from auricle.errors import UNDECODABLE, InvalidRequest
from auricle.server.transport import body
from auricle.server.transport.spool import SpoolFile
from auricle.server.transport.upload import (
    BLOCK_BYTES,
    MAX_FIELDS,
    MIB,
    FieldRoom,
    Limits,
    Upload,
    on_disk,
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
        UploadStalled: it came too slowly.
        StorageFull: the disk that holds temporary files is full, or would be too full.
        ClientDisconnect: the client left before the end.
    """
    max_bytes = min(limits.max_bytes, MAX_BODY_BYTES)
    announced = body.content_length(request)
    with limits.spool.upload() as files:
        if BLOCK_BYTES < announced <= max_bytes:
            await on_disk(partial(files.reserve, announced))
        text, recording = files.file(), files.file()
        pending = bytearray()
        async for piece in body.pieces(request, max_bytes, limits.min_bytes_per_s):
            pending += piece
            if len(pending) >= BLOCK_BYTES:
                await on_disk(partial(text.write, bytes(pending)))
                pending.clear()
        await on_disk(partial(text.write, bytes(pending)))
        fields: list[tuple[str, str]] = []
        await on_disk(lambda: fields.extend(_read(text, recording)))
        path = recording.path if recording.n_bytes else None
        yield Upload(tuple(fields), path, recording.n_bytes, DATA)


def _read(text: SpoolFile, recording: SpoolFile) -> list[tuple[str, str]]:
    """The fields of the form that the body stands for; the recording in it is written."""
    if text.path is None:
        raise InvalidRequest("The body is empty; it must be a JSON object.")
    values = _object(text.path.read_bytes(), "The body")
    if len(values) > MAX_FIELDS:
        raise InvalidRequest(f"The body has more than {MAX_FIELDS} fields.")
    if INPUT_AUDIO in values:
        _write(_object(values.pop(INPUT_AUDIO), f"'{INPUT_AUDIO}'").get("data"), recording)
    room = FieldRoom()
    return [(name, field_text(name, value, room)) for name, value in values.items()]


def _object(text: bytes | msgspec.Raw, what: str) -> Object:
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except UNDECODABLE as exc:
        raise InvalidRequest(f"{what} is not a JSON object: {exc}.") from exc


def field_text(name: str, value: msgspec.Raw, room: FieldRoom) -> str:
    """A value as a form has it: lists and objects may be JSON there, too.

    Raises:
        InvalidRequest: it is none: nobody has looked at more than where it ends.
    """
    room.take(name, len(memoryview(value)))
    try:
        found = msgspec.json.decode(value)
        return found if isinstance(found, str) else bytes(memoryview(value)).decode()
    except UNDECODABLE as exc:
        raise InvalidRequest(f"'{name}' is no JSON value: {exc}.", param=name) from exc


def _write(data: msgspec.Raw | None, recording: SpoolFile) -> None:
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
            recording.write(binascii.a2b_base64(waiting[:whole], strict_mode=True))
            waiting = waiting[whole:]
        padded = waiting + b"=" * (-len(waiting) % 4)
        recording.write(binascii.a2b_base64(padded, strict_mode=True))
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
