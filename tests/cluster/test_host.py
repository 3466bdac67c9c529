"""An engine that serves gateways on other machines."""

from __future__ import annotations

import asyncio

import pytest

from auricle.cluster.host import SETTLE_S, EngineHost, Offer
from auricle.cluster.leases import LEASE_S, shared
from auricle.engine.protocol import AlignJob, DecodeJob, DecodeRow, DetectJob, EngineDied
from auricle.errors import ModelUnusable
from tests.engine.test_replicas import PROMPT, _decode, _encode
from tests.hosting.fakes import MeasuredFake, Timers
from tests.waiting import until


class Hosted:
    """A host whose engines are fakes; the time is what ``now_s`` says."""

    def __init__(self) -> None:
        self.engines: list[MeasuredFake] = []
        self.failures: list[Exception] = []
        self.timers = Timers()
        self.now_s = 0.0
        self.is_settled = asyncio.Event()
        self.host = EngineHost(self._start, lambda: self.now_s, self.timers, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        assert seconds == SETTLE_S
        await self.is_settled.wait()

    async def _start(self) -> MeasuredFake:
        if self.failures:
            raise self.failures.pop(0)
        self.engines.append(MeasuredFake())
        return self.engines[-1]


@pytest.fixture
async def hosted() -> Hosted:
    hosted = Hosted()
    await hosted.host.start()
    return hosted


async def _decoded(host: EngineHost, job: DecodeJob) -> list[int]:
    return [reply.state_id async for reply in host.decode(job)]


async def test_it_does_what_its_engine_does(hosted: Hosted):
    host = hosted.host
    [engine] = hosted.engines
    assert await host.offer(1, 0.0) == Offer(engine.info, engine.size)
    await host.encode(_encode(shared(1, 5)))
    await host.encode(_encode(shared(1, 6)))
    assert sorted(engine.kept) == [shared(1, 5), shared(1, 6)]
    state_id = shared(1, 5)
    assert (await host.detect_language(DetectJob(state_id))).languages[0] == ("<|de|>", 0.9)
    assert await _decoded(host, _decode(state_id)) == [state_id]
    assert (await host.align(AlignJob(state_id, PROMPT, (1, 2), 50))).path
    await host.end(1)
    assert engine.kept == {}


async def test_gateways_share_its_workers(hosted: Hosted):
    [engine] = hosted.engines
    engine.gate.clear()
    jobs = [asyncio.create_task(hosted.host.encode(_encode(shared(n, 1)))) for n in range(5)]
    await until(lambda: engine.running == engine.info.workers)
    engine.gate.set()
    await asyncio.gather(*jobs)
    assert engine.most_running == engine.info.workers


async def test_states_of_a_gateway_that_is_gone_are_released(hosted: Hosted):
    [engine] = hosted.engines
    for session in (1, 2):
        await hosted.host.offer(session, 2.0)
        await hosted.host.encode(_encode(shared(session, 1)))
    assert await hosted.host.backlog_s() == 4.0
    hosted.now_s = LEASE_S + 1
    await hosted.host.offer(2, 3.0)
    assert (set(engine.kept), await hosted.host.backlog_s()) == ({shared(2, 1)}, 3.0)


async def test_an_engine_that_died_is_replaced(hosted: Hosted):
    host = hosted.host
    await host.encode(_encode(1))
    hosted.failures = [ModelUnusable("torn")]
    hosted.engines[0].die()
    with pytest.raises(EngineDied):
        await _decoded(host, _decode(1))
    await until(lambda: bool(hosted.timers.waiting))
    with pytest.raises(EngineDied, match="another is being started"):
        await host.encode(_encode(1))
    assert await host.offer(1, 0.0) is None
    with pytest.raises(ModelUnusable, match="torn"):
        await host.check()
    hosted.timers.fire()
    await until(lambda: len(hosted.engines) == 2)
    await until(lambda: host._supervisor.failure is None)
    await host.check()
    await host.encode(_encode(1))
    assert await host.offer(1, 0.0) is not None


async def test_it_goes_when_its_windows_are_read(hosted: Hosted):
    [engine] = hosted.engines
    await hosted.host.encode(_encode(shared(1, 1)))
    draining = asyncio.create_task(hosted.host.drain())
    await hosted.host.encode(_encode(shared(2, 1)))  # of a gateway that did not know yet
    hosted.is_settled.set()
    row = DecodeRow(shared(1, 1), PROMPT)
    assert await _decoded(hosted.host, DecodeJob((row,), 1, 0.0)) == [shared(1, 1)]
    await hosted.host.end(1)
    assert not draining.done()
    await hosted.host.end(2)
    await draining
    assert engine.is_closed
