"""Wakes those who wait for something to do.

Knows nothing about what that is. For the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib


class Bell:
    """Take `next` before looking for work, and wait for it if there is none: a ring in between is
    not missed."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def ring(self) -> None:
        """There may be something to do."""
        self.next.set()
        self.next = asyncio.Event()


async def heard(event: asyncio.Event, timeout_s: float) -> None:
    """Return when the bell rings, or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(timeout_s, 0.0)):
            await event.wait()
