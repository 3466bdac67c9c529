"""A process that answers, is busy or is frozen; time passes when the test says so."""

from __future__ import annotations

import asyncio

import pytest

from auricle.rpc import watchdog
from auricle.rpc.watchdog import LOOK_EVERY_S, Watchdog


class Process:
    """``kill`` and unanswered pings, as a test wants them; `sleep` returns at each `look`."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answers.set()
        self.killed: list[str] = []
        self.now_s = 0.0
        self._looks = asyncio.Semaphore(0)
        self.slept = asyncio.Event()

    async def ping(self) -> None:
        await self.answers.wait()

    def kill(self, reason: str) -> None:
        self.killed.append(reason)

    async def sleep(self, seconds: float) -> None:
        assert seconds == LOOK_EVERY_S
        self.slept.set()
        await self._looks.acquire()

    async def look(self, times: int = 1) -> None:
        """Let the watchdog look so many times, as long as it does."""
        for _ in range(times):
            if self.killed:
                return
            await self.slept.wait()
            self.slept.clear()
            self._looks.release()
            for _ in range(5):
                await asyncio.sleep(0)


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def watching(process: Process) -> Watchdog:
    return Watchdog(process, process.sleep, lambda: process.now_s)


def run(watching: Watchdog, process: Process, seconds: float, size: float = 1.0) -> None:
    """A job that ends before anybody looked."""
    with watching.job("decode", size):
        process.now_s += seconds


async def test_a_frozen_process_is_ended_soon(process, watching):
    process.answers.clear()
    with watching.job("decode", 1.0):
        await process.look(2)
        assert process.killed == []
        await process.look()
        assert process.killed == ["was frozen"]


async def test_a_process_that_answers_late_is_left_alone(process, watching):
    with watching.job("decode", 1.0):
        for _ in range(10):
            process.answers.clear()
            await process.look(2)
            process.answers.set()
            await process.look()
    assert process.killed == []


async def test_a_busy_process_has_the_time_its_job_deserves(process, watching):
    run(watching, process, seconds=2.0, size=1.0)
    with watching.job("decode", 10.0):  # 10 times 20 s
        await process.look(40)
        assert process.killed == []
        await process.look()
    assert process.killed == ["was stuck in a job (decode) for 205 s"]


async def test_a_job_that_tells_of_its_steps_lives_as_long_as_they_come(process, watching):
    """However long it takes: no job before it had said how fast it would be."""
    with watching.job("decode", 1.0) as job:
        for _ in range(100):
            await process.look(12)
            job.stepped()
        assert process.killed == []
        await process.look(12)
        assert process.killed == []
        await process.look()
    assert process.killed == ["was stuck in a job (decode) for 65 s"]


async def test_no_job_has_less_than_the_floor(process, watching):
    run(watching, process, seconds=0.01)
    with watching.job("decode", 1.0):
        await process.look(int(watchdog.MIN_ALLOWED_S / LOOK_EVERY_S))
        assert process.killed == []
        await process.look()
    assert process.killed == ["was stuck in a job (decode) for 65 s"]


async def test_before_anything_was_measured_a_job_may_be_very_slow(process, watching):
    run(watching, process, seconds=0.01)
    with watching.job("encode", 1.0):  # another kind
        await process.look(int(watchdog.FIRST_ALLOWED_S / LOOK_EVERY_S))
        assert process.killed == []
        await process.look()
    assert process.killed == ["was stuck in a job (encode) for 605 s"]


async def test_slow_work_is_remembered_and_slowly_forgotten(process, watching):
    run(watching, process, seconds=100.0)
    assert watching._allowed_s("decode", 1.0) == 1000
    run(watching, process, seconds=10.0)
    assert watching._allowed_s("decode", 1.0) == pytest.approx(955)
    for _ in range(200):
        run(watching, process, seconds=10.0)
    assert watching._allowed_s("decode", 1.0) == pytest.approx(100, rel=0.01)


async def test_a_job_that_fails_says_nothing_about_speed(process, watching):
    with pytest.raises(ValueError, match="oh"), watching.job("decode", 1.0):
        raise ValueError("oh")
    assert watching._allowed_s("decode", 1.0) == watchdog.FIRST_ALLOWED_S


async def test_nobody_watches_a_process_without_jobs(process, watching):
    with watching.job("decode", 1.0), watching.job("encode", 1.0):
        await process.look(3)
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
