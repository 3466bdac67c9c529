"""Several engines are one: jobs are shared out, states stay where they were made."""

from __future__ import annotations

import asyncio

import pytest

from auricle.engine.protocol import (
    AlignJob,
    DecodeJob,
    DecodeRow,
    DetectJob,
    EncodeJob,
    EncodeRow,
    EngineDied,
    Hypothesis,
    ReleaseJob,
)
from auricle.engine.replicas import Replicas
from auricle.errors import ModelUnusable
from auricle.queue.queue import Queue
from auricle.reading.jobs import batch_cost
from tests.fakes import VOCABULARY, ramp, window
from tests.hosting.fakes import MeasuredFake
from tests.queue.test_queue import read_window
from tests.waiting import until

PROMPT = (VOCABULARY.sot, VOCABULARY.languages["en"], VOCABULARY.transcribe)


def _encode(state_id: int) -> EncodeJob:
    return EncodeJob((EncodeRow(state_id, ramp(state_id, 0.5).tobytes()),), n_frames=100)


def _decode(*state_ids: int) -> DecodeJob:
    rows = tuple(DecodeRow(each, PROMPT) for each in state_ids)
    return DecodeJob(rows, beam_size=1, temperature=0.0)


async def _said(replicas: Replicas, job: DecodeJob) -> dict[int, str]:
    return {
        reply.state_id: VOCABULARY.decode(reply.ids)
        async for reply in replicas.decode(job)
        if isinstance(reply, Hypothesis)
    }


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


async def test_a_batch_is_decoded_where_its_states_are():
    replicas, fakes = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(6)))
    said = await _said(replicas, _decode(4, 0, 1, 3))
    assert said == {n: f" en {n}" for n in (4, 0, 1, 3)}
    assert [[row.state_id for job in fake.decodes for row in job.rows] for fake in fakes] == [
        [0, 3],
        [4, 1],
        [],
    ]


async def test_a_row_is_answered_while_another_engine_is_busy():
    replicas, fakes = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(2)))
    fakes[0].gate.clear()
    replies = replicas.decode(_decode(0, 1))
    assert (await anext(replies)).state_id == 1
    fakes[0].gate.set()
    assert (await anext(replies)).state_id == 0


async def test_languages_and_alignments_come_from_where_the_states_are():
    replicas, fakes = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(3)))
    await replicas.detect_language(DetectJob(1))
    await replicas.align(AlignJob(2, PROMPT, (1,), 100))
    assert [len(fake.detects) for fake in fakes] == [0, 1, 0]
    assert [len(fake.aligns) for fake in fakes] == [0, 0, 1]


async def test_what_was_released_is_left_out_of_a_batch():
    replicas, _ = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(2)))
    await replicas.release(ReleaseJob((1,)))
    assert await _said(replicas, _decode(0, 1)) == {0: " en 0"}


async def test_no_engine_gets_more_jobs_than_it_has_workers():
    replicas, fakes = _three()
    await asyncio.gather(*(replicas.encode(_encode(n)) for n in range(6)))
    await asyncio.gather(*(_said(replicas, _decode(0, 3)) for _ in range(5)))
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
        await _said(replicas, _decode(0, 1))
    assert [fake.is_closed for fake in fakes] == [True, True, True]


async def test_the_queue_goes_on_with_fresh_ones():
    started: list[MeasuredFake] = []

    async def start_one() -> MeasuredFake:
        started.append(MeasuredFake())
        return started[-1]

    async def start() -> Replicas:
        return await Replicas.start([start_one, start_one])

    queue = Queue(start, batch_cost=batch_cost(8))
    await queue.start()
    for fake in started:
        fake.gate.clear()
    with queue.admit() as admission:
        reads = [asyncio.create_task(read_window(queue, admission, window(n))) for n in range(8)]
        await until(lambda: sum(fake.running for fake in started) == 4)
        started[0].die()
        started[1].gate.set()
        assert await asyncio.gather(*reads) == [f" en {30 * n}" for n in range(8)]
    assert [fake.is_closed for fake in started] == [True, True, False, False]
    await queue.close()


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
