"""The recording of a job as a file to be read.

Knows nothing about what it is read for.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec

from auricle.errors import UNDECODABLE, InvalidRequest
from auricle.jobs import fetching
from auricle.jobs.job import InFile, Remote, ServerFile, StoredJob, Uploaded, new_id
from auricle.jobs.outbound import OutboundClient
from auricle.jobs.recordings import Recordings


class _InputAudio(msgspec.Struct):
    data: str


class _Body(msgspec.Struct):
    input_audio: _InputAudio


class _Line(msgspec.Struct):
    body: _Body


class Sources:
    """Recordings in the folder, elsewhere on this machine, or on another."""

    def __init__(
        self, recordings: Recordings, outbound: OutboundClient, max_bytes: int, fetch_s: float
    ) -> None:
        self._recordings = recordings
        self._folder = recordings.folder
        self._outbound = outbound
        self._max_bytes = max_bytes
        self._fetch_s = fetch_s

    @contextlib.asynccontextmanager
    async def opened(self, job: StoredJob) -> AsyncIterator[Path]:
        """The recording, fetched first if need be, which is done once.

        Raises:
            InvalidRequest: it is not there, or not any more.
            Unavailable: it cannot be fetched now.
            StorageFull: there is no room for it.
        """
        source = job.request.source
        match source:
            case Uploaded(file):
                yield self._folder.file(file)
            case ServerFile():
                await asyncio.to_thread(check_unchanged, source)
                yield Path(source.path)
            case Remote(url):
                yield await self._fetched(job, url)
            case InFile():
                async with self._in_file(source) as path:
                    yield path

    async def _fetched(self, job: StoredJob, url: str) -> Path:
        held = await self._recordings.held(job.id)
        if held is not None:
            return self._folder.file(held)
        name = new_id("rec_")
        path = self._folder.file(name)
        try:
            n_bytes = await fetching.fetch(
                self._outbound, url, path, self._max_bytes, self._fetch_s
            )
            await self._recordings.hold(job.id, name, n_bytes)
        except BaseException:
            self._folder.remove(name)
            raise
        return path

    @contextlib.asynccontextmanager
    async def _in_file(self, source: InFile) -> AsyncIterator[Path]:
        path = self._folder.file(source.file_id)
        if not path.is_file():
            raise InvalidRequest(
                f"The file {source.file_id!r} has been deleted.",
                param="file_id",
                code="file_not_found",
            )
        if source.offset is None:
            yield path
            return
        name = new_id("line_")
        decoded = self._folder.file(name)
        try:
            await asyncio.to_thread(partial(decode_line, path, source, decoded))
            yield decoded
        finally:
            self._folder.remove(name)


def decode_line(path: Path, source: InFile, target: Path) -> None:
    """Write the recording in a line of a file to another. Blocks.

    Raises:
        InvalidRequest: it is no base64.
    """
    assert source.offset is not None
    with path.open("rb") as file:
        file.seek(source.offset)
        line = file.read(source.n_bytes)
    data = _data(line)
    if data.startswith("data:"):
        data = data.partition(",")[2]
    try:
        recording = base64.b64decode(data.translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError) as exc:
        message = f"Invalid 'input_audio.data': the recording must be base64: {exc}."
        raise InvalidRequest(message, param="input_audio.data", code="invalid_value") from exc
    target.write_bytes(recording)


def _data(line: bytes) -> str:
    """The base64 in a line."""
    try:
        return msgspec.json.decode(line, type=_Line).body.input_audio.data
    except UNDECODABLE as exc:
        message = f"Invalid 'input_audio': it must be an object with base64 in 'data': {exc}."
        raise InvalidRequest(message, param="input_audio", code="invalid_value") from exc


_URL_SAFE = str.maketrans("-_", "+/", "\r\n")


def server_file(folder: Path | None, name: str) -> ServerFile:
    """The file of a job that names it by its path in the folder which the operator set, or by a
    whole path that leads there. Blocks.

    Raises:
        InvalidRequest: there is no such folder, or no such file in it.
    """
    if folder is None:
        raise _no_file("the operator of this server has set no folder for it (job_folder)")
    try:
        path = (folder / name).resolve(strict=True)
        is_inside = path.is_relative_to(folder.resolve(strict=True)) and path.is_file()
        found = path.stat()
    except (OSError, ValueError, RuntimeError) as exc:
        raise _no_file("there is no such file in the folder for it") from exc
    if not is_inside:
        raise _no_file("there is no such file in the folder for it")
    return ServerFile(str(path), found.st_size, found.st_mtime_ns, name)


def check_unchanged(source: ServerFile) -> None:
    """Raise `InvalidRequest` unless a file is what it was when the job came."""
    try:
        found = Path(source.path).stat()
    except OSError as exc:
        raise _no_file("the file is not there any more") from exc
    if (found.st_size, found.st_mtime_ns) != (source.n_bytes, source.mtime_ns):
        raise _no_file("the file has changed since the job was made")


def _no_file(reason: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid 'path': {reason}.", param="path", code="invalid_value")
