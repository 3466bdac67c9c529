"""Processor time and memory of a process and all its children, while something else happens.

Knows nothing about what they do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psutil

from auricle.errors import AuricleError
from auricle_bench.summary import Usage

SAMPLE_EVERY_S = 0.2


class Watch:
    """Sampled readings of a process tree. What a child used after its last sample is not seen."""

    def __init__(self, pid: int) -> None:
        """
        Raises:
            AuricleError: there is no such process on this machine.
        """
        try:
            self._root = psutil.Process(pid)
        except psutil.NoSuchProcess as exc:
            raise AuricleError(f"there is no process {pid} on this machine") from exc
        self._cpu_s: dict[psutil.Process, float] = {}
        self._peak_rss_bytes = 0
        self.sample()
        self._cpu_at_start_s = sum(self._cpu_s.values())

    def sample(self) -> int:
        """Read now; returns the resident memory of all processes, in bytes."""
        rss_bytes = 0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess), process.oneshot():
                times = process.cpu_times()
                rss_bytes += process.memory_info().rss
                self._cpu_s[process] = times.user + times.system
        self._peak_rss_bytes = max(self._peak_rss_bytes, rss_bytes)
        return rss_bytes

    def usage(self) -> Usage:
        """Since this watch was made, until the last sample."""
        cpu_s = sum(self._cpu_s.values()) - self._cpu_at_start_s
        return Usage(cpu_s, self._peak_rss_bytes)

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@contextlib.asynccontextmanager
async def watching(pid: int) -> AsyncIterator[Watch]:
    """Sample the tree of ``pid`` until the block ends, and once more at its end."""
    watch = Watch(pid)

    async def keep_sampling() -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            watch.sample()

    task = asyncio.create_task(keep_sampling(), name="watch processes")
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        watch.sample()
