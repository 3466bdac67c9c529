"""Several engines are one: jobs are shared out, windows stay where they were encoded."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from auricle.engine.protocol import (
    DecodeJob,
    DecodeRow,
    EncodeJob,
    EncodeRow,
    EngineDied,
    ReleaseJob,
)
from auricle.engine.replicas import Replicas
from auricle.errors import ModelUnusable
from auricle.scheduler.scheduler import Scheduler
from auricle.types import SAMPLE_RATE, DecodeOptions, Window
from tests.hosting.fakes import MeasuredFake
from tests.waiting import until


def _encode(window_id: int) -> EncodeJob:
    return EncodeJob((EncodeRow(window_id, np.zeros(160, np.float32).tobytes()),), n_frames=100)


def _decode(*window_ids: int) -> DecodeJob:
    rows = tuple(DecodeRow(each, float(each), 1.0, "en", "transcribe") for each in window_ids)
    return DecodeJob(rows, beam_size=1, temperature=0.0)


def _three() -> tuple[Replicas, list[MeasuredFake]]:
    fakes = [MeasuredFake() for _ in range(3)]
    return Replicas(fakes), fakes


async def test_it_has_the_workers_and_the_memory_of_all():
    replicas, fakes = _three()
    assert replicas.info.workers == 6
    assert replicas.memory_bytes() == 3 * 100 * 1024 * 1024
    fakes[1].size = None
    assert replicas.memory_bytes() is None


async def test_the_least_busy_one_encodes():
    replicas, fakes = _three()
    for fake in fakes:
        fake.gate.clear()
    jobs = [asyncio.create_task(replicas.encode(_encode(n))) for n in range(6)]
    await until(lambda: sum(fake.running for fake in fakes) == 6)
    assert [fake.running for fake in fakes] == [2, 2, 2]
    for fake in fakes:
        fake.gate.set()
    await asyncio.gather(*jobs)
    assert [set(fake.kept) for fake in fakes] == [{0, 3}, {1, 4}, {2, 5}]


async def test_a_batch_is_decoded_where_its_windows_are_and_answered_in_order():
    replicas, fakes = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(6)))
    answer = await replicas.decode(_decode(4, 0, 1, 3))
    assert [text.segments[0].text for text in answer.windows] == [
        " en 4",
        " en 0",
        " en 1",
        " en 3",
    ]
    assert [[row.window_id for job in fake.decodes for row in job.rows] for fake in fakes] == [
        [0, 3],
        [4, 1],
        [],
    ]


async def test_no_engine_gets_more_jobs_than_it_has_workers():
    replicas, fakes = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(6)))
    await asyncio.gather(*(replicas.decode(_decode(0, 3)) for _ in range(5)))
    assert fakes[0].most_running == 2  # it asserts that, too


async def test_releasing_tells_those_that_hold_the_windows():
    replicas, fakes = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(4)))
    await replicas.release(ReleaseJob((0, 1, 99)))
    assert [set(fake.kept) for fake in fakes] == [{3}, set(), {2}]


async def test_when_one_dies_all_are_closed():
    replicas, fakes = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(2)))
    fakes[0].die()
    with pytest.raises(EngineDied, match="killed"):
        await replicas.decode(_decode(0, 1))
    assert [fake.is_closed for fake in fakes] == [True, True, True]


async def test_the_scheduler_goes_on_with_fresh_ones():
    started: list[MeasuredFake] = []

    async def start_one() -> MeasuredFake:
        started.append(MeasuredFake())
        return started[-1]

    async def start() -> Replicas:
        return await Replicas.start([start_one, start_one])

    scheduler = Scheduler(start)
    await scheduler.start()
    for fake in started:
        fake.gate.clear()
    pcm = np.full(SAMPLE_RATE, 0.1, np.float32)
    with scheduler.admit() as admission:
        tickets = [
            admission.submit(Window(n, float(n), pcm, ((n, n + 1.0),)), DecodeOptions(), "en")
            for n in range(8)
        ]
        await until(lambda: sum(fake.running for fake in started) == 4)
        started[0].die()
        started[1].gate.set()
        texts = [(await ticket.text).segments[0].text for ticket in tickets]
    assert texts == [f" en {n}" for n in range(8)]
    assert [fake.is_closed for fake in started] == [True, True, False, False]
    await scheduler.close()


async def test_if_one_cannot_start_the_others_are_closed():
    fake, slow = MeasuredFake(), asyncio.Event()

    async def well() -> MeasuredFake:
        return fake

    async def badly() -> MeasuredFake:
        raise ModelUnusable("no such device")

    async def slowly() -> MeasuredFake:
        await slow.wait()
        raise AssertionError("was cancelled")

    with pytest.raises(ModelUnusable, match="no such device"):
        await Replicas.start([well, badly, slowly])
    assert fake.is_closed
