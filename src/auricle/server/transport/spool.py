"""Temporary files of one server, and of servers that were killed before they could delete theirs.

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
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock

LOCK_WAIT_S: Final = 2.0
"""For a new lock: another server that starts may be looking whether anybody holds it."""

_PREFIX: Final = "auricle-"
_SUFFIX: Final = ".upload"
_LOCK: Final = ".lock"

logger = logging.getLogger(__name__)


class Spool:
    """Where one server's uploads go."""

    def __init__(self) -> None:
        self._prefix = f"{_PREFIX}{uuid.uuid4().hex[:16]}"

    def new(self) -> tuple[int, Path]:
        """A fresh file that only this user can read: its descriptor, and its path."""
        descriptor, name = tempfile.mkstemp(prefix=f"{self._prefix}-", suffix=_SUFFIX)
        return descriptor, Path(name)

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
