"""Whether the server does what it is for, found out by having it done: ``GET /readyz``.

Knows nothing about HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from auricle.errors import AuricleError
from auricle.speech_runtime import SpeechRuntime

MAX_PROOF_S = 10.0
"""A second of audio may take so long to be read, behind whatever else the engine does."""


class Readiness:
    """Has the runtime read a second of audio when the last proof is older than ``valid_s``; 0 asks
    for no proof. Any number of probes wait for one reading. For the event loop."""

    def __init__(
        self,
        runtime: SpeechRuntime,
        valid_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime = runtime
        self._valid_s = valid_s
        self._clock = clock
        self._proved_s: float | None = None
        self._proving: asyncio.Task[str | None] | None = None

    async def doubt(self) -> str | None:
        """Why the runtime, which says that it is ready, is not; None if it is."""
        if not self._valid_s:
            return None
        if self._proved_s is not None and self._clock() - self._proved_s < self._valid_s:
            return None
        if self._proving is None:
            self._proving = asyncio.create_task(self._prove(), name="readiness")
        return await asyncio.shield(self._proving)

    async def _prove(self) -> str | None:
        try:
            async with asyncio.timeout(MAX_PROOF_S):
                await self._runtime.prove()
        except TimeoutError:
            return f"a second of audio was not read within {MAX_PROOF_S:g} s"
        except AuricleError as exc:
            return str(exc)
        finally:
            self._proving = None
        self._proved_s = self._clock()
        return None
