"""A server in a process of its own, that can be asked what it holds and told what time it is.

    python -m tests.chaos.served FOLDER MODEL [NAME=VALUE …]

MODEL is one of the cache, or ``stub``. Prints its address when it is ready. ``FOLDER/kept`` has a
line for each window of a job that was kept.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path


class Clock:
    """The time of day, which may be set."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._now_s = time.time

    def __call__(self) -> float:
        return self._now_s() + self.ahead_s


if __name__ == "__main__":
    clock = Clock()
    time.time = clock  # whoever is imported from here on has it
    from tests.chaos.app import serve

    pairs = dict(each.split("=", 1) for each in sys.argv[3:])
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], pairs, clock))
