"""A whole measurement: warm up, then one phase after the other, each summarised when it is over.

Knows nothing about how results are shown, nor which optional packages are there: what scores
answers and watches processes is handed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from auricle.errors import AuricleError
from auricle_bench.clips import Clip, shuffled
from auricle_bench.load import Ask, Limit, Outcome, closed_loop, open_loop, poisson
from auricle_bench.summary import Rate, Summary, Usage, summarise
from auricle_bench.target import Client, Target


class Meter(Protocol):
    """What watching a process gives: `processes.Watch`."""

    def sample(self) -> int: ...

    def usage(self) -> Usage: ...


AccuracyOf = Callable[[Sequence[Outcome]], dict[str, Rate]]
Watching = Callable[[], AbstractAsyncContextManager[Meter]]


@dataclass(frozen=True, slots=True)
class Phase:
    """One load: ``concurrency`` requests at a time, or ``rate`` a second at random moments."""

    concurrency: int = 1
    rate: float | None = None

    def __str__(self) -> str:
        return f"c={self.concurrency}" if self.rate is None else f"{self.rate:g}/s"


@dataclass(frozen=True, slots=True)
class Plan:
    """How every phase is run, and what is measured beside the requests. ``accuracy_of`` and
    ``watching`` are None where a package or a process is missing. A seed fixes the order of the
    clips and the moments of arrival. Without a limit every clip is sent once, and at least as many
    as go at a time."""

    limit: Limit | None = None
    seed: int = 0
    accuracy_of: AccuracyOf | None = None
    watching: Watching | None = None


@dataclass(frozen=True, slots=True)
class Result:
    summary: Summary
    outcomes: list[Outcome]


async def measure(client: Client, clips: Sequence[Clip], phase: Phase, plan: Plan) -> Result:
    """Run one phase."""
    client.load(clips)
    async with AsyncExitStack() as stack:
        watch = None
        if plan.watching is not None:
            watch = await stack.enter_async_context(plan.watching())
        cpu_at_start_s = time.process_time()
        outcomes = await _requests(client.ask, clips, phase, plan)
        client_cpu_s = time.process_time() - cpu_at_start_s
        if watch is not None:
            watch.sample()
    summary = summarise(
        str(phase),
        outcomes,
        client_cpu_s=client_cpu_s,
        server=None if watch is None else watch.usage(),
        accuracy=None if plan.accuracy_of is None else plan.accuracy_of(outcomes),
    )
    return Result(summary, outcomes)


async def run(
    target: Target,
    clips: Sequence[Clip],
    phases: Sequence[Phase],
    plan: Plan,
    finished: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """One request that does not count, then every phase; ``finished`` is told of each.

    Raises:
        AuricleError: there is no server at all.
    """
    results = []
    async with Client(target) as client:
        warm_up = await measure(client, clips[:1], Phase(), Plan(Limit(1)))
        if "no connection" in warm_up.summary.errors:
            raise AuricleError(f"nobody answers at {target.endpoint}")
        for phase in phases:
            result = await measure(client, clips, phase, plan)
            finished(result)
            results.append(result)
    return results


async def _requests(ask: Ask, clips: Sequence[Clip], phase: Phase, plan: Plan) -> list[Outcome]:
    order = shuffled(clips, plan.seed)
    limit = plan.limit or Limit(max(len(clips), phase.concurrency))
    if phase.rate is None:
        return await closed_loop(ask, order, phase.concurrency, limit)
    return await open_loop(ask, order, poisson(phase.rate, plan.seed), limit)
