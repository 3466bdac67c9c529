"""What was read of a recording before, so that it is not read again.

Knows nothing about where it is kept, nor for how long.
"""

from __future__ import annotations

from typing import Protocol

from auricle.reading.reader import Reading
from auricle.types import Language, Window


class Ledger(Protocol):
    """The readings of one recording's windows. Recordings that have one are read when nobody waits
    for anything else: whoever keeps a ledger has time. For the event loop."""

    def part(self, channel: int | None) -> Ledger:
        """Of one channel that is read by itself, from 0; None: of the whole recording."""
        ...

    @property
    def language(self) -> Language | None:
        """In which windows were read before; None where none was."""
        ...

    def expect(self, audio_s: float) -> None:
        """The recording is about so long."""
        ...

    def find(self, window: Window) -> Reading | None:
        """What was read in this very window."""
        ...

    async def keep(self, window: Window, reading: Reading) -> None:
        """A window is read. Returns once that will outlive the process.

        Raises:
            StorageFull: there is no room for it.
        """
        ...
