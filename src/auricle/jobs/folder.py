"""The folder in which jobs are kept: the database, and the recordings. One server's at a time.

Knows nothing about what the recordings are for. Every method blocks.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from auricle.errors import AuricleError, StorageFull, Unavailable, is_disk_full
from auricle.jobs.job import new_id
from auricle.jobs.limits import FULL_RETRY_S, MIB
from auricle.system.home import expanded, home

DATABASE = "jobs.sqlite3"

IN_USE = (
    "Another process has the folder of the jobs. The log names it, and the setting data_dir can "
    "name another one for this process."
)
NO_FOLDER = (
    "Jobs cannot be kept: their folder cannot be made or written. The log says which and why, and "
    "the setting data_dir can name another one."
)

logger = logging.getLogger(__name__)


def data_dir(configured: Path | None, environ: Mapping[str, str]) -> Path:
    """The configured folder, else the platform's place for a user's data."""
    if configured is not None:
        return expanded(configured).absolute()
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA") or str(home() / "AppData" / "Local")
        return Path(base) / "auricle" / "data"
    if sys.platform == "darwin":
        return home() / "Library" / "Application Support" / "auricle"
    return Path(environ.get("XDG_DATA_HOME") or str(home() / ".local" / "share")) / "auricle"


class Folder:
    """A folder that is ours from `open` until `close`."""

    def __init__(self, path: Path, min_free_bytes: int = 0) -> None:
        self.path = path
        self.database = path / DATABASE
        self.recordings = path / "recordings"
        self._min_free_bytes = min_free_bytes
        self._lock = FileLock(path / "jobs.lock", timeout=0, thread_local=False)

    @property
    def is_there(self) -> bool:
        """Whether jobs were ever kept in it."""
        return self.database.is_file()

    def open(self) -> None:
        """
        Raises:
            Unavailable: another server has it.
            AuricleError: it cannot be made or written.
        """
        try:
            self.recordings.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as exc:
            logger.error("another process keeps its jobs in %s", self.path)
            raise Unavailable(IN_USE, code="jobs_in_use") from exc
        except OSError as exc:
            logger.error("jobs cannot be kept in %s: %s", self.path, exc.strerror)
            raise AuricleError(NO_FOLDER, code="jobs_unusable") from exc

    def close(self) -> None:
        self._lock.release()

    def file(self, name: str) -> Path:
        """Where a recording is, by its name."""
        return self.recordings / name

    def check_room(self, n_bytes: int) -> None:
        """Raise `StorageFull` unless so much fits on the disk."""
        free = shutil.disk_usage(self.recordings).free
        if n_bytes > free - self._min_free_bytes:
            raise StorageFull(
                f"No room for the recording: the disk of the jobs has {free // MIB} MiB left, "
                f"of which {self._min_free_bytes // MIB} stay free (min_free_disk_mb)."
            )

    def take(self, path: Path, prefix: str = "rec_") -> str:
        """Move a file in, whole and for good; its name there.

        Raises:
            StorageFull: there is no room for it.
        """
        name = new_id(prefix)
        target = self.file(name)
        try:
            try:
                os.replace(path, target)
            except OSError as exc:
                if exc.errno != errno.EXDEV and sys.platform != "win32":
                    raise
                self.check_room(path.stat().st_size)
                shutil.copyfile(path, target)
            target.chmod(0o600)
            with target.open("rb+") as file:
                os.fsync(file.fileno())
        except OSError as exc:
            self.remove(name)
            if is_disk_full(exc):
                logger.warning("the disk of %s is full", self.path)
                message = "No room for the recording: the disk of the jobs is full."
                raise StorageFull(message, retry_after_s=FULL_RETRY_S) from exc
            raise
        return name

    def remove(self, name: str | None) -> None:
        """Delete a recording; fine if there is none."""
        if name:
            with contextlib.suppress(OSError):
                self.file(name).unlink(missing_ok=True)

    def sweep(self, known: Collection[str]) -> int:
        """Delete recordings that no job knows: of uploads whose server was killed. How many."""
        left = [path for path in self.recordings.iterdir() if path.name not in known]
        for path in left:
            self.remove(path.name)
        return len(left)
