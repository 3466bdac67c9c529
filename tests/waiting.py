"""Waiting for a condition that nothing announces, and time that passes at once.

Nothing else in the tests looks again or depends on how quick the machine is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal


async def until(holds: Callable[[], bool]) -> None:
    """Return once ``holds`` does. The test's own time limit ends a condition that never comes."""
    while not holds():  # noqa: ASYNC110  # what is waited for lives in code without an event for it
        await asyncio.sleep(0.001)


def advance(seconds: float) -> None:
    """Set the event loop's clock ahead: what would take so long to happen is due now."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # a clock for tests


class Lasting(asyncio.Event):
    """Waiting for it takes so many seconds of the event loop's clock, and then never ends."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def wait(self) -> Literal[True]:
        advance(self._seconds)
        return await super().wait()
