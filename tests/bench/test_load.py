"""Closed and open loops on a clock of their own, arrivals, and the order of clips."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import pytest

from auricle_bench.clips import Clip, shuffled
from auricle_bench.load import Clock, Limit, closed_loop, open_loop, poisson
from auricle_bench.target import Answer

CLIPS = [Clip(Path(f"{i}.wav"), 1.0) for i in range(10)]


class World:
    """Time that passes only when everyone waits: the earliest waiter is woken."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waiting: list[tuple[float, asyncio.Event]] = []
        self.n_open = 0
        self.most_open = 0

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now_s, self.sleep)

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self.waiting.append((self.now_s + seconds, event))
        await event.wait()

    async def ask(self, clip: Clip) -> Answer:
        """Takes as long as the clip."""
        self.n_open += 1
        self.most_open = max(self.most_open, self.n_open)
        sent_at = self.now_s
        await self.sleep(clip.duration_s)
        self.n_open -= 1
        return Answer("200", "text", sent_at=sent_at, first_text_at=self.now_s)

    async def run(self, work):
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(20):  # let everything that can go on do so
                await asyncio.sleep(0)
            if self.waiting and not task.done():
                self.waiting.sort(key=lambda each: each[0])
                self.now_s, event = self.waiting.pop(0)
                event.set()
        return task.result()


async def test_a_closed_loop_keeps_its_number_going():
    world = World()
    outcomes = await world.run(closed_loop(world.ask, CLIPS, 4, Limit(), world.clock))
    assert world.most_open == 4
    assert [each.start_s for each in outcomes] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert {each.latency_s for each in outcomes} == {1.0}
    assert sorted(each.clip.path.name for each in outcomes) == [f"{i}.wav" for i in range(10)]


async def test_a_closed_loop_stops_after_a_number_of_requests():
    world = World()
    endless = shuffled(CLIPS, 0)
    outcomes = await world.run(closed_loop(world.ask, endless, 3, Limit(7), world.clock))
    assert len(outcomes) == 7


async def test_a_closed_loop_stops_starting_after_its_time():
    """What was started before is finished."""
    world = World()
    limit = Limit(duration_s=2.5)
    outcomes = await world.run(closed_loop(world.ask, CLIPS, 2, limit, world.clock))
    assert [each.start_s for each in outcomes] == [0, 0, 1, 1, 2, 2]


async def test_an_open_loop_does_not_wait_for_answers():
    world = World()
    arrivals = [0.0, 0.25, 0.5, 3.0]
    outcomes = await world.run(open_loop(world.ask, CLIPS, arrivals, Limit(), world.clock))
    assert world.most_open == 3
    assert [each.start_s for each in outcomes] == arrivals
    assert [each.latency_s for each in outcomes] == [1.0] * 4
    assert [each.first_text_s for each in outcomes] == [1.0] * 4


async def test_latency_of_an_open_loop_counts_from_when_the_request_was_due():
    """A generator that cannot keep up must not hide it: time has moved on to 102 here."""
    world = World()

    async def late(_: float) -> None:
        world.now_s = 102.0

    clock = Clock(lambda: world.now_s, late)
    [outcome] = await world.run(open_loop(world.ask, CLIPS, [0.5], Limit(), clock))
    assert (outcome.start_s, outcome.sent_s, outcome.latency_s) == (0.5, 1.5, 2.5)


@pytest.mark.parametrize(("limit", "n"), [(Limit(2), 2), (Limit(duration_s=0.5), 2), (Limit(), 4)])
async def test_an_open_loop_has_limits(limit, n):
    world = World()
    arrivals = [0.0, 0.25, 0.5, 3.0]
    outcomes = await world.run(open_loop(world.ask, CLIPS, arrivals, limit, world.clock))
    assert len(outcomes) == n


def test_poisson_arrivals_are_those_of_the_rate_and_the_seed():
    times = list(islice(poisson(5.0, seed=1), 20_000))
    gaps = [b - a for a, b in zip([0.0, *times], times, strict=False)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert min(gaps) > 0
    assert mean == pytest.approx(0.2, rel=0.03)
    assert spread == pytest.approx(0.2, rel=0.05)  # exponential: as wide as its mean
    assert times[:5] == list(islice(poisson(5.0, seed=1), 5))
    assert times[:5] != list(islice(poisson(5.0, seed=2), 5))


def test_clips_come_in_rounds_of_all_of_them():
    order = list(islice(shuffled(CLIPS, 3), 30))
    rounds = [order[:10], order[10:20], order[20:]]
    assert [sorted(each, key=str) for each in rounds] == [sorted(CLIPS, key=str)] * 3
    assert rounds[0] != rounds[1]
    assert order == list(islice(shuffled(CLIPS, 3), 30))


def test_no_clips_give_no_order():
    assert list(shuffled([], 0)) == []
