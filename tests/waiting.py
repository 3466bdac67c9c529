"""Waiting for a condition that nothing announces; the only place where tests may look again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool]) -> None:
    """Return once ``holds`` does. The test's own time limit ends a condition that never comes."""
    while not holds():  # noqa: ASYNC110  # what is waited for lives in code without an event for it
        await asyncio.sleep(0.001)
