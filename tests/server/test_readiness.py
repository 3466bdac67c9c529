"""Readiness is proved, not believed, and not by every probe anew."""

from __future__ import annotations

import asyncio

from auricle.errors import EngineFailed
from auricle.server.readiness import Readiness
from tests.server.conftest import settings
from tests.server.fakes import FakeRuntime
from tests.waiting import until


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_a_proof_holds_for_a_while():
    runtime, clock = FakeRuntime(settings()), Clock()
    readiness = Readiness(runtime, valid_s=60, clock=clock)
    assert [await readiness.doubt() for _ in range(3)] == [None] * 3
    assert runtime.n_proofs == 1
    clock.now_s += 60
    assert await readiness.doubt() is None
    assert runtime.n_proofs == 2


async def test_a_doubt_holds_for_nobody_else():
    runtime = FakeRuntime(settings())
    runtime.doubt = EngineFailed("no engine survives this window")
    readiness = Readiness(runtime, valid_s=60)
    assert await readiness.doubt() == "no engine survives this window"
    runtime.doubt = None
    assert await readiness.doubt() is None


async def test_probes_wait_for_one_reading():
    runtime = FakeRuntime(settings())
    runtime.proof.clear()
    readiness = Readiness(runtime, valid_s=60)
    probes = [asyncio.create_task(readiness.doubt()) for _ in range(3)]
    await until(lambda: runtime.n_proofs == 1)
    probes[0].cancel()
    runtime.proof.set()
    assert await asyncio.gather(*probes[1:]) == [None, None]
    assert runtime.n_proofs == 1


async def test_no_proof_is_asked_for():
    runtime = FakeRuntime(settings())
    assert await Readiness(runtime, valid_s=0).doubt() is None
    assert runtime.n_proofs == 0
