"""A recording with the fields that were sent with it, and what receiving one may take.

Knows nothing about how it is sent, or what is in it; ``multipart`` and ``json_upload`` read it.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auricle.errors import InvalidRequest, StorageFull, is_disk_full
from auricle.server.transport.spool import Spool
from auricle.settings.config import Settings

MIB: Final = 1024 * 1024
MAX_FIELD_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 256

_LARGE_FIELD = "known_speaker_references"
MAX_LARGE_FIELDS_BYTES: Final = 16 * MIB
"""Recordings of known voices come as text: of all in one request."""

FULL: Final = "No room for the recording: the disk of temporary files is full."

BLOCK_BYTES: Final = 1024 * 1024
"""How much of a recording is collected before a thread writes it: few hand-overs, and what one
upload holds in memory stays small."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """Text fields in the order they came, and the recording if there was one."""

    fields: tuple[tuple[str, str], ...]
    file: Path | None
    file_bytes: int
    file_field: str = "file"
    """What the client calls the recording."""
    file_name: str = ""
    """What the client's machine calls it."""
    sha256: str = ""
    """Of the bytes that came, in hexadecimal; where it is asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one upload may take, how fast it must come, and where it goes."""

    max_bytes: int
    min_bytes_per_s: int = 0
    spool: Spool = field(default_factory=Spool)

    @classmethod
    def of(cls, settings: Settings, spool: Spool) -> Limits:
        return cls(settings.max_upload_mb * MIB, settings.min_upload_bytes_per_s, spool)


@dataclass(slots=True)
class FieldRoom:
    """How much text a request may hold."""

    _n_large: int = 0

    def check(self, name: str, n_bytes: int) -> None:
        """Refuse a field for being so long. Raises `InvalidRequest`."""
        is_large = _LARGE_FIELD in name
        limit = MAX_LARGE_FIELDS_BYTES - self._n_large if is_large else MAX_FIELD_BYTES
        if n_bytes > limit:
            message = f"'{name}' is longer than {limit} bytes."
            if is_large:
                message = (
                    f"The recordings in '{name}' are longer than {MAX_LARGE_FIELDS_BYTES} bytes "
                    "together."
                )
            raise InvalidRequest(message, param=name, code="string_above_max_length")

    def take(self, name: str, n_bytes: int) -> None:
        """A whole field is kept. Raises what `check` raises."""
        self.check(name, n_bytes)
        if _LARGE_FIELD in name:
            self._n_large += n_bytes


async def on_disk(write: Callable[[], None]) -> None:
    """Run ``write`` in a thread; a cancelled request waits for it, so that the file it writes to
    is not closed under it.

    Raises:
        StorageFull: the disk is full.
    """
    task = asyncio.ensure_future(asyncio.to_thread(write))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
    except OSError as exc:
        if is_disk_full(exc):
            _log.warning("the disk of %s is full", tempfile.gettempdir())
            raise StorageFull(FULL) from exc
        raise
