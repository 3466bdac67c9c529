"""What was found of the machine, for many who ask: one look at a time, and not at every question.

Knows nothing about what is looked at. For the event loop only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from auricle.diagnosis.findings import Diagnosis
from auricle.errors import Unavailable

KEPT_S: Final = 30.0
"""How long findings are told without another look."""

LOOK_MAX_S: Final = 60.0
"""How long a look may take; it takes a second or two."""


class Doctor:
    """``diagnose`` blocks, so it runs in a thread."""

    def __init__(
        self, diagnose: Callable[[], Diagnosis], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._diagnose = diagnose
        self._clock = clock
        self._looking = asyncio.Lock()
        self._found: tuple[float, Diagnosis] | None = None

    async def found(self) -> Diagnosis:
        """What is found now, or was within `KEPT_S`.

        Raises:
            Unavailable: the machine took too long to tell.
        """
        async with self._looking:  # one look for all who ask
            if self._found is None or self._clock() - self._found[0] >= KEPT_S:
                self._found = (self._clock(), await self._looked())
            return self._found[1]

    async def _looked(self) -> Diagnosis:
        try:
            async with asyncio.timeout(LOOK_MAX_S):
                return await asyncio.to_thread(self._diagnose)
        except TimeoutError as exc:
            raise Unavailable(
                f"The machine did not tell what it has within {LOOK_MAX_S:g} seconds.",
                retry_after_s=LOOK_MAX_S,
            ) from exc
