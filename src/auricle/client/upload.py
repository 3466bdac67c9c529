"""One recording and its fields as a multipart form, read from disk while it is sent.

Knows nothing about HTTP libraries, or which fields there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

Recording = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the content of a file, or a file opened in binary mode."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes of the recording sent so far, and how many there are when that is known."""

PIECE_BYTES: Final = 64 * 1024


class Upload:
    """A form with one recording. It can be sent again unless the recording is a file that cannot
    seek, such as a pipe; that also has no known size. An open file is sent from where it stands."""

    def __init__(
        self, recording: Recording, fields: Iterable[tuple[str, str]], progress: Progress | None
    ) -> None:
        if isinstance(recording, io.TextIOBase):
            raise TypeError("the recording is a file in text mode; open it with 'rb'")
        self._recording = recording
        self._progress = progress
        self._start = 0
        with self._opened() as file:
            self.is_repeatable = file.seekable()
            self._size: int | None = None
            if self.is_repeatable:
                self._start = file.tell()
                self._size = file.seek(0, os.SEEK_END) - self._start
                file.seek(self._start)
        boundary = uuid.uuid4().hex
        self._head = _head(boundary, fields, _name(recording))
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        if self._size is not None:
            total = len(self._head) + self._size + len(self._tail)
            self.headers["content-length"] = str(total)

    def pieces(self) -> Iterator[bytes]:
        """The body, from its beginning."""
        for piece, n_sent in self._counted():
            yield piece
            self._report(n_sent)

    async def async_pieces(self) -> AsyncIterator[bytes]:
        """The same; the disk is read in a thread."""
        counted = self._counted()
        while (one := await asyncio.to_thread(next, counted, None)) is not None:
            piece, n_sent = one
            yield piece
            self._report(n_sent)

    def _counted(self) -> Iterator[tuple[bytes, int]]:
        """Pieces, each with the bytes of the recording that are sent when it is."""
        n_sent = 0
        yield self._head, n_sent
        with self._opened() as file:
            if self.is_repeatable:
                file.seek(self._start)
            while piece := file.read(PIECE_BYTES):
                n_sent += len(piece)
                yield piece, n_sent
        yield self._tail, n_sent

    def _report(self, n_sent: int) -> None:
        if self._progress is not None:
            self._progress(n_sent, self._size)

    def _opened(self) -> contextlib.AbstractContextManager[BinaryIO]:
        if isinstance(self._recording, bytes):
            return io.BytesIO(self._recording)
        if isinstance(self._recording, str | os.PathLike):
            return open(self._recording, "rb")
        return contextlib.nullcontext(self._recording)


def _name(recording: Recording) -> str:
    if isinstance(recording, bytes):
        return "recording"
    known = (
        recording if isinstance(recording, str | os.PathLike) else getattr(recording, "name", "")
    )
    return (Path(known).name if isinstance(known, str | os.PathLike) else "") or "recording"


def _head(boundary: str, fields: Iterable[tuple[str, str]], file_name: str) -> bytes:
    """All of the form up to the recording, which comes last so that a server can refuse early."""
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in fields
    ]
    parts.append(
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; '
        f'filename="{_quoted(file_name)}"\r\ncontent-type: application/octet-stream\r\n\r\n'
    )
    return "".join(parts).encode(errors="replace")


def _quoted(name: str) -> str:
    """As browsers write names: these three would end the quotes or the line."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
