"""Read a file that people wrote, and that somebody may have replaced by anything.

Knows nothing about what is in it.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MAX_BYTES = 1024 * 1024
"""Far above every setting written out, or the longest list of keys."""


def read(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The whole file. Never waits, whatever ``path`` is: a pipe that nobody writes to, a device.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than ``max_bytes``; the
            ``strerror`` says which.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {max_bytes:,} bytes", str(path))
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
