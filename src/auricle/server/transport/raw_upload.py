"""A recording that is the whole body of its request, written to a named file as it comes.

Knows nothing about what is in it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request

from auricle.errors import BadMedia
from auricle.server.transport import body
from auricle.server.transport.spool import SpoolFile
from auricle.server.transport.upload import BLOCK_BYTES, Limits, Upload, on_disk

_MAGIC_BYTES = 4


@dataclass(frozen=True, slots=True)
class RawBody:
    """A body without a form. ``header`` is written before one that does not begin as it does, so
    that bare samples become a file."""

    header: bytes = b""


@contextlib.asynccontextmanager
async def received(request: Request, limits: Limits, raw: RawBody) -> AsyncIterator[Upload]:
    """Read the whole body; its file is gone when the context is left, however that happens.

    Raises:
        BadMedia: it is empty.
        TooLarge, UploadStalled, StorageFull, ClientDisconnect: see `multipart.received`.
    """
    announced = body.content_length(request)
    with limits.spool.upload() as files:
        if BLOCK_BYTES < announced <= limits.max_bytes:
            await on_disk(partial(files.reserve, announced))
        writer = _Writer(files.file(), raw.header)
        async for piece in body.pieces(request, limits.max_bytes, limits.min_bytes_per_s):
            writer.pending += piece
            if len(writer.pending) >= BLOCK_BYTES:
                await on_disk(writer.flush)
        await on_disk(writer.close)
        if not writer.n_bytes:
            raise BadMedia("The body is empty (0 bytes); it must be the recording itself.")
        yield Upload((), writer.file.path, writer.n_bytes, sha256=writer.digest.hexdigest())


class _Writer:
    """Writes the body. `flush` and `close` are for a worker thread."""

    def __init__(self, file: SpoolFile, header: bytes) -> None:
        self.file = file
        self.pending = bytearray()
        self.digest = hashlib.sha256()
        self.n_bytes = 0
        self._header = header

    def flush(self) -> None:
        if not self.n_bytes and self.pending[:_MAGIC_BYTES] != self._header[:_MAGIC_BYTES]:
            self.file.write(self._header)
        self.digest.update(self.pending)
        self.n_bytes += len(self.pending)
        self.file.write(bytes(self.pending))
        self.pending.clear()

    def close(self) -> None:
        if self.pending:
            self.flush()
        self.file.close()
