"""How uploads share the disk of temporary files: what one is told to fit is kept for it.

Knows nothing about files or requests. Belongs to no thread: blocks are written in several.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator
from typing import Final

from auricle.errors import StorageFull

MIB: Final = 1024 * 1024

SETTLE_S: Final = 1.0
"""How long a reservation waits for blocks that are being written, before it counts them twice."""

RETRY_S: Final = 10.0
"""When a client should ask again for which others leave no room: theirs is given back when their
recordings were read."""

_log = logging.getLogger(__name__)


class DiskSpace:
    """What is left of the disk for uploads, of which ``min_free_bytes`` stay free."""

    def __init__(self, min_free_bytes: int = 0) -> None:
        self._min_free_bytes = min_free_bytes
        self._changed = threading.Condition()
        self._reserved_bytes = 0
        """To uploads that have not written so much yet."""
        self._written_bytes = 0
        """By uploads whose files are still there."""
        self._in_writing_bytes = 0
        """Reserved, and perhaps on the disk already."""

    def reserve(self, reservation: Reservation, n_bytes: int) -> None:
        """Let ``reservation`` write so much more than it has written.

        Raises:
            StorageFull: there is no room; with a time to come back if there will be.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_clear(reservation, n_bytes), SETTLE_S)
            free_bytes, room_bytes, others_bytes = self._found(reservation)
            if n_bytes > room_bytes - others_bytes:
                others_written_bytes = self._written_bytes - reservation.written_bytes
                fits_later = n_bytes <= room_bytes + others_written_bytes
                raise self._full(free_bytes, others_bytes, RETRY_S if fits_later else None)
            if n_bytes > reservation.reserved_bytes:
                self._reserved_bytes += n_bytes - reservation.reserved_bytes
                reservation.reserved_bytes = n_bytes

    def _found(self, reservation: Reservation) -> tuple[int, int, int]:
        """What is free on the disk, what of that may be taken, and what is others' already."""
        free_bytes = shutil.disk_usage(tempfile.gettempdir()).free
        others_bytes = self._reserved_bytes - reservation.reserved_bytes
        return free_bytes, free_bytes - self._min_free_bytes, others_bytes

    def _is_clear(self, reservation: Reservation, n_bytes: int) -> bool:
        """Whether ``n_bytes`` fit, or do not, wherever the blocks are that are being written."""
        _, room_bytes, others_bytes = self._found(reservation)
        left_bytes = room_bytes - others_bytes
        return n_bytes <= left_bytes or n_bytes > left_bytes + self._in_writing_bytes

    @contextlib.contextmanager
    def writing(self, reservation: Reservation, n_bytes: int) -> Iterator[None]:
        """``reservation`` writes so much of what is reserved for it while the context lasts."""
        with self._changed:
            self._in_writing_bytes += n_bytes
        try:
            yield
        finally:
            with self._changed:
                self._in_writing_bytes -= n_bytes
                self._reserved_bytes -= n_bytes
                self._written_bytes += n_bytes
                reservation.reserved_bytes -= n_bytes
                reservation.written_bytes += n_bytes
                self._changed.notify_all()

    def release(self, reservation: Reservation) -> None:
        """The files of ``reservation`` are gone, and it writes no more."""
        with self._changed:
            self._reserved_bytes -= reservation.reserved_bytes
            self._written_bytes -= reservation.written_bytes
            reservation.reserved_bytes = reservation.written_bytes = 0

    def _full(self, free_bytes: int, others_bytes: int, retry_after_s: float | None) -> StorageFull:
        _log.warning("the disk of %s has no room for an upload", tempfile.gettempdir())
        others = f", and {others_bytes // MIB} are for uploads that came before"
        return StorageFull(
            "No room for the recording: the disk of temporary files has "
            f"{free_bytes // MIB} MiB left, of which {self._min_free_bytes // MIB} stay free "
            f"(min_free_disk_mb){others if others_bytes else ''}.",
            retry_after_s=retry_after_s,
        )


class Reservation:
    """One upload's part of the disk."""

    def __init__(self) -> None:
        self.reserved_bytes = 0
        self.written_bytes = 0
