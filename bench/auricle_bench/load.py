"""Making requests: so many at a time (closed loop), or at random moments (open loop).

Knows nothing about HTTP: what is asked is a function from a clip to an answer.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from auricle_bench.clips import Clip
from auricle_bench.target import Answer

Ask = Callable[[Clip], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request of a phase. ``start_s`` counts from the start of the phase; every other time
    from the moment the request was due, so waiting for this program counts as well."""

    clip: Clip
    start_s: float
    latency_s: float
    status: str
    text: str | None
    sent_s: float | None
    first_text_s: float | None
    complaint: str | None = None

    @property
    def is_ok(self) -> bool:
        return self.text is not None


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is and how to wait; tests bring their own."""

    now: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Limit:
    """When a phase stops starting requests; what was started is always finished."""

    n_requests: int | None = None
    duration_s: float | None = None


async def closed_loop(
    ask: Ask, clips: Iterable[Clip], concurrency: int, limit: Limit, clock: Clock | None = None
) -> list[Outcome]:
    """Keep ``concurrency`` requests going. Outcomes come in the order of their ends."""
    clock = clock or Clock()
    waiting = iter(islice(clips, limit.n_requests))
    begun = clock.now()
    outcomes: list[Outcome] = []

    async def work() -> None:
        for clip in waiting:
            due = clock.now()
            if limit.duration_s is not None and due - begun >= limit.duration_s:
                return
            outcomes.append(await _timed(ask, clip, begun, due, clock))

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return outcomes


async def open_loop(
    ask: Ask,
    clips: Iterable[Clip],
    arrivals: Iterable[float],
    limit: Limit,
    clock: Clock | None = None,
) -> list[Outcome]:
    """Start a request at each of ``arrivals`` (seconds from now), whatever became of those before
    it: a server that falls behind is not given time to catch up."""
    clock = clock or Clock()
    begun = clock.now()
    outcomes: list[Outcome] = []

    async def one(clip: Clip, due: float) -> None:
        outcomes.append(await _timed(ask, clip, begun, due, clock))

    async with asyncio.TaskGroup() as group:
        for clip, at in islice(zip(clips, arrivals, strict=False), limit.n_requests):
            if limit.duration_s is not None and at >= limit.duration_s:
                break
            if (wait_s := begun + at - clock.now()) > 0:
                await clock.sleep(wait_s)
            group.create_task(one(clip, begun + at))
    return outcomes


def poisson(rate: float, seed: int) -> Iterator[float]:
    """Arrival times in seconds, ``rate`` a second on average; the same for a seed."""
    source = random.Random(seed)
    at = 0.0
    while True:
        at += source.expovariate(rate)
        yield at


async def _timed(ask: Ask, clip: Clip, begun: float, due: float, clock: Clock) -> Outcome:
    answer = await ask(clip)
    return Outcome(
        clip=clip,
        start_s=due - begun,
        latency_s=clock.now() - due,
        status=answer.status,
        text=answer.text,
        sent_s=None if answer.sent_at is None else answer.sent_at - due,
        first_text_s=None if answer.first_text_at is None else answer.first_text_at - due,
        complaint=answer.complaint,
    )
