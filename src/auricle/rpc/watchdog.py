"""Ends an engine process that has stopped getting anywhere, so that its work runs on another.

Knows nothing about what the jobs are: it is told how large they are, and measures how fast such
work gets done. A frozen process answers no ping and goes soon. One that answers is busy, and goes
only when a job takes many times longer than work of its size ever took lately; one that tells of
its steps, when there are no more of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

LOOK_EVERY_S = 5.0

FROZEN_AFTER_LOOKS = 3
"""A process that leaves a ping unanswered for so many looks is frozen."""

PATIENCE = 10.0
"""A job may take so many times longer than its size and the measured speed say."""

MIN_ALLOWED_S = 60.0
FIRST_ALLOWED_S = 600.0
"""What a job may take before one of its kind was measured: the largest model on a slow core."""

STEP_ALLOWED_S = 60.0
"""What one step of a job may take that tells of them: they take milliseconds, or a second where
many wait for one core."""

SLOWNESS_KEPT = 0.95
"""Slow work is remembered at once, and forgotten by 5 % with each quicker job."""

Sleep = Callable[[float], Awaitable[None]]


class Process(Protocol):
    """What is watched."""

    async def ping(self) -> None: ...

    def kill(self, reason: str) -> None: ...


@dataclass(eq=False, slots=True)
class Job:
    """What a process is doing."""

    kind: str
    allowed_s: float
    age_s: float = 0.0
    """Counted in looks, not by a clock: a computer that slept has not been stuck."""

    def stepped(self) -> None:
        """It is getting on: what counts from now on is when the next step comes."""
        self.age_s, self.allowed_s = 0.0, STEP_ALLOWED_S


class Watchdog:
    """Watches one process while it has jobs. For the event loop only."""

    def __init__(
        self,
        process: Process,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._process = process
        self._sleep = sleep
        self._clock = clock
        self._s_per_unit: dict[str, float] = {}
        self._jobs: set[Job] = set()
        self._watching: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def job(self, kind: str, size: float) -> Iterator[Job]:
        """A job runs for as long as the context lasts. Sizes of one kind are comparable."""
        job = Job(kind, self._allowed_s(kind, size))
        self._jobs.add(job)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="engine watchdog")
        began_s = self._clock()
        try:
            yield job
            self._note(kind, (self._clock() - began_s) / size)
        finally:
            self._jobs.discard(job)
            if not self._jobs:
                self._watching.cancel()
                self._watching = None

    def _allowed_s(self, kind: str, size: float) -> float:
        pace = self._s_per_unit.get(kind)
        return FIRST_ALLOWED_S if pace is None else max(MIN_ALLOWED_S, PATIENCE * pace * size)

    def _note(self, kind: str, pace: float) -> None:
        before = self._s_per_unit.get(kind, pace)
        self._s_per_unit[kind] = max(pace, SLOWNESS_KEPT * before + (1 - SLOWNESS_KEPT) * pace)

    async def _watch(self) -> None:
        n_unanswered = 0
        ping = asyncio.create_task(self._process.ping())
        try:
            while True:
                await self._sleep(LOOK_EVERY_S)
                n_unanswered = 0 if ping.done() else n_unanswered + 1
                if n_unanswered >= FROZEN_AFTER_LOOKS:
                    return self._process.kill("was frozen")
                for job in self._jobs:
                    job.age_s += LOOK_EVERY_S
                    if job.age_s > job.allowed_s:
                        return self._process.kill(
                            f"was stuck in a job ({job.kind}) for {job.age_s:.0f} s"
                        )
                if ping.done():
                    ping = asyncio.create_task(self._process.ping())
        finally:
            ping.cancel()
            await asyncio.wait({ping})
