"""Engines elsewhere as one: those that come join in, those that go leave, those that die are no
loss."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest

from auricle.cluster.fleet import FOLLOW_S, MISSED, START_MAX_S, Directory, Fleet, Found
from auricle.engine.protocol import EngineDied, Hypothesis, ReleaseJob
from auricle.errors import Unavailable
from auricle.queue.queue import Queue
from auricle.reading.jobs import batch_cost
from tests.cluster.test_host import Hosted
from tests.engine.test_replicas import _decode, _encode
from tests.fakes import window
from tests.queue.test_queue import read_window
from tests.waiting import advance, until


class Cluster:
    """Hosts by name. `tick` lets a second pass; ``n_slept`` is how many did in all."""

    def __init__(self, *names: str) -> None:
        self.hosts: dict[str, Hosted] = {}
        self.names = list(names)
        self.failure: Exception | None = None
        self.backlogs: list[float] = []
        self.n_slept = 0
        self.directory = Directory(self._look, self._backlog_s)
        self._ticks = asyncio.Semaphore(0)

    async def add(self, name: str) -> None:
        self.hosts[name] = Hosted()
        await self.hosts[name].host.start()

    async def tick(self, n: int = 1) -> None:
        for _ in range(n):
            before = self.n_slept
            self._ticks.release()
            await until(lambda before=before: self.n_slept > before)  # type: ignore[misc]

    async def sleep(self, seconds: float) -> None:
        assert seconds == FOLLOW_S
        await self._ticks.acquire()
        self.n_slept += 1

    def kept(self, name: str) -> int:
        return len(self.hosts[name].engines[-1].kept)

    async def _backlog_s(self) -> float:
        return 7.0

    async def _look(self, session: int, backlog_s: float) -> Mapping[str, Found]:
        self.backlogs.append(backlog_s)
        if self.failure is not None:
            raise self.failure
        found = {}
        for name, hosted in self.hosts.items():
            offer = await hosted.host.offer(session, backlog_s)
            if offer is not None:
                found[name] = Found(hosted.host, offer)
        return found


@contextlib.asynccontextmanager
async def finding(*names: str) -> AsyncIterator[tuple[Cluster, Fleet]]:
    cluster = Cluster()
    for name in names:
        await cluster.add(name)
    fleet = await Fleet.find(cluster.directory, cluster.sleep)
    try:
        yield cluster, fleet
    finally:
        await fleet.close()


async def _said(fleet: Fleet, *state_ids: int) -> set[int]:
    replies = [each async for each in fleet.decode(_decode(*state_ids))]
    return {each.state_id for each in replies if isinstance(each, Hypothesis)}


async def test_windows_stay_where_they_were_encoded():
    async with finding("a", "b") as (cluster, fleet):
        assert fleet.info.workers == 4
        assert fleet.memory_bytes() == 200 * 1024 * 1024
        await asyncio.gather(*(fleet.encode(_encode(n)) for n in range(4)))
        assert (cluster.kept("a"), cluster.kept("b")) == (2, 2)
        assert await _said(fleet, 0, 1, 2, 3) == {0, 1, 2, 3}
        await fleet.release(ReleaseJob((0, 1, 2)))
        assert cluster.kept("a") + cluster.kept("b") == 1
    assert cluster.kept("a") + cluster.kept("b") == 0  # what is left goes with the session


async def test_engines_come_and_go():
    async with finding("a") as (cluster, fleet):
        await fleet.encode(_encode(1))
        await cluster.add("b")
        await cluster.tick()
        await until(lambda: fleet.info.workers == 4)
        gone = cluster.hosts.pop("a")
        await cluster.tick(MISSED)
        await until(lambda: fleet.info.workers == 2)
        for n in (2, 3):
            await fleet.encode(_encode(n))
        assert cluster.kept("b") == 2
        assert await _said(fleet, 1, 2) == {1, 2}  # it is left to end what it has begun
        await fleet.release(ReleaseJob((1,)))
        assert gone.engines[0].kept == {}
        assert set(cluster.directory.known) == {"b"}
        assert set(cluster.backlogs) == {7.0}


async def test_an_engine_that_was_missed_once_stays():
    async with finding("a", "b") as (cluster, fleet):
        missed = cluster.hosts.pop("a")
        await cluster.tick(MISSED - 1)
        cluster.hosts["a"] = missed
        await cluster.tick(2)
        assert fleet.info.workers == 4


async def test_the_last_engine_stays_and_counts_once_when_it_is_back():
    """It was taken for another one, with workers that nobody had."""
    async with finding("a") as (cluster, fleet):
        missed = cluster.hosts.pop("a")
        await cluster.tick(MISSED + 1)
        assert fleet.info.workers == 2
        cluster.hosts["a"] = missed
        await cluster.tick(2)
        assert fleet.info.workers == 2
        del cluster.hosts["a"]
        await cluster.tick(MISSED)
        await cluster.add("b")
        await cluster.tick()
        await fleet.encode(_encode(1))
        assert (cluster.kept("b"), fleet.info.workers) == (1, 2)


async def test_while_nobody_can_be_asked_all_stay():
    async with finding("a", "b") as (cluster, fleet):
        cluster.failure = OSError("no controller")
        await cluster.tick(MISSED + 1)
        assert fleet.info.workers == 4


async def test_those_that_are_left_go_on_at_once():
    async with finding("a", "b") as (cluster, fleet):
        await fleet.encode(_encode(1))
        await fleet.encode(_encode(2))
        cluster.hosts["a"].engines[-1].die()
        cluster.hosts["a"].failures = [OSError("gone")] * 9
        with pytest.raises(EngineDied):
            await _said(fleet, 1, 2)
        assert cluster.kept("b") == 0  # the session has ended there
        cluster.failure = OSError("no look ends while a machine is not known to be dead")
        found = await Fleet.find(cluster.directory, cluster.sleep)
        assert found.info.workers == 2
        await found.close()


async def test_the_first_engine_is_waited_for():
    cluster = Cluster()
    cluster.failure = OSError("not deployed yet")
    finding = asyncio.create_task(Fleet.find(cluster.directory, cluster.sleep))
    await cluster.tick(2)
    cluster.failure = None
    await cluster.tick(2)
    assert not finding.done()
    await cluster.add("a")
    await cluster.tick()
    fleet = await finding
    assert fleet.info.workers == 2
    await fleet.close()


async def test_it_is_not_waited_for_for_ever():
    """Looks were counted, of which each may take seconds."""

    async def sleep(_: float) -> None:
        advance(START_MAX_S / 3 + 1)
        await asyncio.sleep(0.001)

    cluster = Cluster()
    with pytest.raises(Unavailable, match="no engine for this model has started"):
        await Fleet.find(cluster.directory, sleep)
    assert len(cluster.backlogs) == 3


async def test_a_queue_loses_nothing_with_an_engine():
    cluster = Cluster()
    for name in ("a", "b"):
        await cluster.add(name)
    queue = Queue(lambda: Fleet.find(cluster.directory, cluster.sleep), batch_cost=batch_cost(8))
    await queue.start()
    for each in cluster.hosts.values():
        each.engines[0].gate.clear()
    with queue.admit() as admission:
        reading = [asyncio.create_task(read_window(queue, admission, window(n))) for n in range(6)]
        await until(lambda: all(each.engines[0].running == 2 for each in cluster.hosts.values()))
        cluster.hosts["a"].engines[0].die()
        cluster.hosts["b"].engines[0].gate.set()
        assert await asyncio.gather(*reading) == [f" en {30 * n}" for n in range(6)]
    await queue.close()
