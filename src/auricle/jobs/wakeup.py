"""Wakes those who wait for something to do.

Knows nothing about what that is. For the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib


class Wakeup:
    """Take `next` before looking for work, and wait for it if there is none: a `notify` in between
    is not missed."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def notify(self) -> None:
        """There may be something to do."""
        self.next.set()
        self.next = asyncio.Event()


async def wait_for(event: asyncio.Event, timeout_s: float) -> None:
    """Return when somebody notifies, or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(timeout_s, 0.0)):
            await event.wait()
