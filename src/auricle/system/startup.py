"""The start of a server, which may fail and is then tried again by the next request.

Knows nothing about what is started. For the event loop only.

Why it is so: docs/decisions.md, Structure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from auricle.errors import AuricleError, Unavailable, as_auricle_error

RETRY_WHILE_STARTING_S = 2.0
RETRY_FAILED_START_S = 5.0

_log = logging.getLogger(__name__)


class Startup:
    """Runs ``start``; what that raises is kept as ``failure`` until it is tried again."""

    def __init__(self, start: Callable[[], Awaitable[None]]) -> None:
        self.state: Literal["starting", "started", "stopping"] = "starting"
        self.failure: AuricleError | None = None
        self.ended = asyncio.Event()
        self._start = start
        self._again: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Start; never raises."""
        try:
            await self._start()
        except Exception as exc:  # noqa: BLE001  # the border: nobody waits for a start that ended
            self.failure = as_auricle_error(exc)
            _log.error("%s", self.failure, exc_info=None if exc is self.failure else exc)
        if self.state == "starting":
            self.state = "started"
        self.ended.set()

    async def stop(self) -> None:
        """Give up trying; nothing is started from now on."""
        self.state = "stopping"
        if self._again is not None:
            self._again.cancel()
            await asyncio.wait({self._again})

    def check(self) -> None:
        """
        Raises:
            Unavailable: it is starting, is stopping, or could not be started, which is then tried
                again.
        """
        if self.failure is not None:
            failure, self.failure = self.failure, None
            self.state = "starting"
            self._again = asyncio.create_task(self.run(), name="runtime start")
            raise Unavailable(
                f"the server could not be started: {failure}", retry_after_s=RETRY_FAILED_START_S
            )
        if self.state != "started":
            raise Unavailable(
                f"the server is {self.state}; try again in a moment",
                code=f"server_{self.state}",
                retry_after_s=RETRY_WHILE_STARTING_S,
            )
