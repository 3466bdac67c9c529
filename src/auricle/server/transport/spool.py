"""The temporary files of one server, and of servers that were killed before they deleted theirs.

Knows nothing about requests or recordings.

The files carry the name of the server they belong to, which holds a lock for as long as it lives,
however it ends. A process id would not do: other containers that share the folder count their own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from filelock import FileLock

from auricle.server.transport.disk_space import DiskSpace, Reservation

LOCK_WAIT_S: Final = 2.0
"""For a new lock: another server that starts may be looking whether anybody holds it."""

_PREFIX: Final = "auricle-"
_SUFFIX: Final = ".upload"
_LOCK: Final = ".lock"

logger = logging.getLogger(__name__)


class Spool:
    """Where one server's uploads go; ``min_free_bytes`` of the disk stay free."""

    def __init__(self, min_free_bytes: int = 0) -> None:
        self._prefix = f"{_PREFIX}{uuid.uuid4().hex[:16]}"
        self._space = DiskSpace(min_free_bytes)

    def new(self) -> tuple[int, Path]:
        """A fresh file that only this user can read: its descriptor, and its path."""
        descriptor, name = tempfile.mkstemp(prefix=f"{self._prefix}-", suffix=_SUFFIX)
        return descriptor, Path(name)

    @contextlib.contextmanager
    def upload(self) -> Iterator[SpooledUpload]:
        """One upload's files, which are gone when the context is left."""
        with contextlib.ExitStack() as files:
            upload = SpooledUpload(self, self._space, files)
            files.callback(upload.release)
            try:
                yield upload
            finally:
                upload.end()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Delete what dead servers left; as long as the context lasts, nobody deletes ours."""
        folder = Path(tempfile.gettempdir())
        clear(folder)
        path = folder / f"{self._prefix}{_LOCK}"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(_lock(path, LOCK_WAIT_S))
            except OSError as exc:
                logger.warning("uploads will stay in %s if this server is killed: %s", folder, exc)
            yield
        with contextlib.suppress(OSError):
            path.unlink()


class SpooledUpload:
    """The files of one upload, and its part of the disk."""

    def __init__(self, spool: Spool, space: DiskSpace, files: contextlib.ExitStack) -> None:
        self._spool = spool
        self._space = space
        self._files = files
        self._reservation = Reservation()
        self._beginning = threading.Lock()
        self._is_over = False

    def reserve(self, n_bytes: int) -> None:
        """Keep so much of the disk for this upload. Blocks.

        Raises:
            StorageFull: there is no room for it.
            ValueError: the upload has ended.
        """
        with self._begun():
            self._space.reserve(self._reservation, n_bytes)

    def end(self) -> None:
        """Begin nothing more. What was handed to a pool that could start no thread for it is
        still done later, when its request has failed and its files are gone."""
        with self._beginning:
            self._is_over = True

    @contextlib.contextmanager
    def _begun(self) -> Iterator[None]:
        with self._beginning:
            if self._is_over:
                raise ValueError("the upload has ended")
            yield

    def release(self) -> None:
        self._space.release(self._reservation)

    def file(self) -> SpoolFile:
        return SpoolFile(self)

    def new(self) -> tuple[BinaryIO, Path]:
        """A fresh file. Raises `ValueError` if the upload has ended."""
        with self._begun():
            descriptor, path = self._spool.new()
            self._files.callback(path.unlink, missing_ok=True)
            opened = os.fdopen(descriptor, "wb", buffering=0)
            self._files.callback(opened.close)
            return opened, path

    def writing(self, n_bytes: int) -> contextlib.AbstractContextManager[None]:
        """So much of what was reserved is written while the context lasts."""
        return self._space.writing(self._reservation, n_bytes)


class SpoolFile:
    """A file while it is written. There is none on the disk until something is. Every method
    blocks."""

    def __init__(self, upload: SpooledUpload) -> None:
        self.path: Path | None = None
        self.n_bytes = 0
        self._upload = upload
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> None:
        """Append a block.

        Raises:
            StorageFull: there is no room for it.
        """
        if not data:
            return
        self._upload.reserve(len(data))
        if self._file is None:
            self._file, self.path = self._upload.new()
        block = memoryview(data)
        with self._upload.writing(len(data)):
            while block:
                block = block[self._file.write(block) :]
        self.n_bytes += len(data)

    def close(self) -> None:
        """No more will be written, so that another process may open it."""
        if self._file is not None:
            self._file.close()


def clear(folder: Path) -> None:
    """Delete the uploads in ``folder`` whose server is dead."""
    for path in folder.glob(f"{_PREFIX}*{_LOCK}"):
        with contextlib.suppress(OSError):  # its server lives, or is being cleared by another
            if not _is_ours(path):
                continue
            with _lock(path, 0):
                left = list(folder.glob(f"{path.name.removesuffix(_LOCK)}-*{_SUFFIX}"))
                for upload in left:
                    upload.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            if left:
                logger.info("deleted uploads of a server that was killed: %d", len(left))


def _lock(path: Path, wait_s: float) -> FileLock:
    return FileLock(path, timeout=wait_s, thread_local=False)


def _is_ours(path: Path) -> bool:
    """Whether it is a file of this user's: others may have put anything there."""
    found = path.lstat()
    is_mine = sys.platform == "win32" or found.st_uid == os.getuid()
    return is_mine and stat.S_ISREG(found.st_mode)
