"""The queue against an engine that answers, waits or dies on cue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from auricle.engine.protocol import DecodeRow, Engine, Hypothesis
from auricle.errors import EngineFailed, LoadingFailed, ModelUnusable, Overloaded, Unavailable
from auricle.queue.admission import Admission, AdmissionControl, Limits
from auricle.queue.job import Job, Stage
from auricle.queue.policy import Priority
from auricle.queue.queue import Queue
from auricle.reading import jobs
from auricle.reading.jobs import DecodeSettings
from auricle.telemetry import request_id
from auricle.types import Window
from tests.fakes import MODEL, VOCABULARY, Engines, FakeEngine, spoken, window
from tests.hosting.fakes import Timers
from tests.waiting import until

GREEDY = DecodeSettings(1, 0.0, 224, 1.0, (-1,))
WARM = replace(GREEDY, temperature=0.2)
PROMPT = (VOCABULARY.sot, VOCABULARY.languages["en"], VOCABULARY.transcribe)


async def _running(engines: Engines, **arguments: Any) -> Queue:
    queue = Queue(engines.start, batch_cost=jobs.batch_cost(8), **arguments)
    await queue.start()
    return queue


async def read_window(
    queue: Queue,
    admission: Admission,
    window: Window,
    ways: Sequence[DecodeSettings] = (GREEDY,),
    priority: Priority = Priority.SHORT,
) -> str:
    """Encode a window, decode it in each way, and say the last text."""
    label = f"window {window.index}"
    with queue.enter(admission, priority, window.end_s, window.duration_s, label) as place:
        await queue.result(place, jobs.encode(place.id, window.pcm, 1250))
        for settings in ways:
            job = jobs.decode(DecodeRow(place.id, PROMPT), 1250, settings)
            hypothesis = await queue.result(place, job)
    assert isinstance(hypothesis, Hypothesis)
    return VOCABULARY.decode(hypothesis.ids)


def _reading(queue: Queue, admission: Admission, *windows: Window) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(read_window(queue, admission, each)) for each in windows]


def _windows(n: int) -> list[Window]:
    return [window(index) for index in range(n)]


def _texts(n: int) -> list[str]:
    return [f" en {30 * index}" for index in range(n)]


async def test_a_window_that_comes_alone_gets_the_whole_machine():
    engines = Engines()
    queue = await _running(engines)
    with queue.admit() as admission:
        await read_window(queue, admission, window())
        await asyncio.gather(*_reading(queue, admission, *_windows(2)))
    await queue.close()
    assert [job.is_alone for job in engines.all[0].encodes] == [True, False, False]


async def test_a_window_is_encoded_decoded_and_let_go():
    engines = Engines()
    queue = await _running(engines)
    with queue.admit() as admission:
        assert await read_window(queue, admission, window(), [GREEDY, WARM]) == " en 0"
    engine = engines.all[0]
    assert (len(engine.encodes), len(engine.decodes)) == (1, 2)
    await queue.close()
    assert (engine.kept, queue.n_windows, queue.n_requests) == ({}, 0, 0)


async def test_never_more_jobs_than_workers_and_all_answered():
    engines = Engines()
    queue = await _running(engines)
    with queue.admit() as first, queue.admit() as second:
        tasks = [
            task
            for each in _windows(20)
            for a in (first, second)
            for task in _reading(queue, a, each)
        ]
        texts = await asyncio.gather(*tasks)
    assert texts == [f" en {30 * (n // 2)}" for n in range(40)]
    assert engines.all[0].most_running == 2  # FakeEngine asserts that it is never more
    await queue.close()


async def test_windows_of_different_requests_are_decoded_together():
    engines = Engines(info=msgspec.structs.replace(MODEL, workers=1))
    queue = await _running(engines)
    with queue.admit() as first, queue.admit() as second:
        tasks = [*_reading(queue, first, window()), *_reading(queue, second, window())]
        await asyncio.gather(*tasks)
    assert [len(job.rows) for job in engines.all[0].decodes] == [2]
    await queue.close()


async def test_retries_of_different_requests_are_decoded_together():
    engines = Engines(info=msgspec.structs.replace(MODEL, workers=1))
    queue = await _running(engines)
    with queue.admit() as first, queue.admit() as second:
        reads = [read_window(queue, each, window(), [GREEDY, WARM]) for each in (first, second)]
        await asyncio.gather(*reads)
    await queue.close()
    rows = [(job.temperature, len(job.rows)) for job in engines.all[0].decodes]
    assert rows == [(0.0, 2), (0.2, 2)]


async def test_who_is_cancelled_takes_the_windows_along():
    engines = Engines()
    queue = await _running(engines)
    engine = engines.all[0]
    engine.gate.clear()
    with queue.admit() as admission:
        tasks = _reading(queue, admission, *_windows(10))
        await engine.started.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert (queue.n_windows, queue.n_requests) == (0, 0)
    engine.gate.set()
    with queue.admit() as admission:
        await read_window(queue, admission, window(50))
    await queue.close()
    assert len(engine.encodes) <= 3  # two were running, and the new one
    assert engine.kept == {}


async def test_a_window_that_is_given_up_runs_no_more():
    engines = Engines()
    queue = await _running(engines)
    engine = engines.all[0]
    engine.gate.clear()
    with queue.admit() as admission:
        running = _reading(queue, admission, *_windows(2))
        await engine.started.wait()
        partials = [
            asyncio.create_task(
                read_window(queue, admission, window(n), priority=Priority.LIVE_PARTIAL)
            )
            for n in (7, 8)
        ]
        await until(lambda: queue.n_windows == 4)
        partials[0].cancel()
        await asyncio.wait(partials[:1])
        engine.gate.set()
        texts = await asyncio.gather(*running, partials[1])
    assert texts == [" en 0", " en 30", " en 240"]
    assert len(engine.encodes) == 3
    await queue.close()


async def test_one_request_too_many_is_refused_and_the_next_is_not():
    queue = await _running(Engines(), control=AdmissionControl(Limits(max_requests=1)))
    with (
        queue.admit(),
        pytest.raises(Overloaded, match="1 requests are being transcribed"),
        queue.admit(),
    ):
        pass
    with queue.admit() as admission:
        await read_window(queue, admission, window())
    await queue.close()


# An engine that dies


async def test_a_killed_engine_loses_nothing():
    engines = Engines()
    queue = await _running(engines)
    first = engines.all[0]
    first.gate.clear()
    with queue.admit() as admission:
        tasks = _reading(queue, admission, *_windows(6))
        await first.started.wait()
        first.die()
        assert await asyncio.gather(*tasks) == _texts(6)
    assert len(engines.all) == 2
    await queue.close()


async def test_states_that_were_lost_are_made_again():
    engines = Engines()
    queue = await _running(engines)

    class Dying(FakeEngine):
        """Dies at its second decoding."""

        async def decode(self, job):
            if len(self.decodes) == 1:
                self.is_dead = True
            async for reply in super().decode(job):
                yield reply

    engines.all[0].__class__ = Dying
    with queue.admit() as admission:
        assert await read_window(queue, admission, window(), [GREEDY, WARM]) == " en 0"
    await queue.close()
    assert [[job.temperature for job in engine.decodes] for engine in engines.all] == [
        [0.0, 0.2],
        [0.2],
    ]
    assert [len(engine.encodes) for engine in engines.all] == [1, 1]


async def test_a_window_that_kills_engines_fails_alone():
    engines = Engines(poison=30.0)
    queue = await _running(engines)
    with queue.admit() as bad, queue.admit() as good:
        [poisoned] = _reading(queue, bad, window(1))
        tasks = _reading(queue, good, *(window(n) for n in (0, 2, 3, 4, 5)))
        assert await asyncio.gather(*tasks) == [f" en {30 * n}" for n in (0, 2, 3, 4, 5)]
        with pytest.raises(EngineFailed) as caught:
            await poisoned
    assert caught.value.message == "the engine died 3 times on window 1 (poisoned)"
    assert len(engines.all) >= 3
    with queue.admit() as admission:
        assert await read_window(queue, admission, window()) == " en 0"
    await queue.close()


async def test_when_no_engine_starts_everyone_waiting_learns_why_and_the_next_try_may_work():
    engines = Engines()
    queue = await _running(engines)
    engines.failures = [ModelUnusable("model.bin is gone")]
    engines.all[0].gate.clear()
    with queue.admit() as admission:
        tasks = _reading(queue, admission, *_windows(4))
        await engines.all[0].started.wait()
        engines.all[0].die()
        for task in tasks:
            with pytest.raises(Unavailable, match=r"could not be started: model\.bin is gone"):
                await task
        assert str(queue.failure) == "model.bin is gone"
        assert await read_window(queue, admission, window()) == " en 0"
    assert queue.failure is None
    await queue.close()


async def test_an_engine_that_dies_while_it_is_loaded_loses_nothing_that_waits():
    """Two kills within a second, the second of them before the next engine was ready, made every
    request a 503."""
    engines = Engines()
    queue = await _running(engines)
    engines.failures = [LoadingFailed("the process died while loading base")]
    engines.all[0].gate.clear()
    with queue.admit() as admission:
        tasks = _reading(queue, admission, *_windows(3))
        await engines.all[0].started.wait()
        engines.all[0].die()
        assert await asyncio.gather(*tasks) == [" en 0", " en 30", " en 60"]
    assert engines.failures == []
    await queue.close()


@pytest.mark.parametrize(
    "failure",
    [OSError(24, "Too many open files"), RecursionError("too deep"), MemoryError()],
    ids=["no file descriptors", "a nested config.json", "no memory"],
)
async def test_whatever_keeps_an_engine_from_starting_the_queue_survives(failure, caplog):
    """An OSError ended the dispatcher: whoever waited was never answered, later requests were told
    that the server is shutting down, and its health was good."""
    engines, timers = Engines(), Timers()
    queue = await _running(engines, timer=timers)
    engines.failures = [failure, failure]
    engines.all[0].gate.clear()
    with queue.admit() as admission:
        tasks = _reading(queue, admission, *_windows(3))
        await engines.all[0].started.wait()
        engines.all[0].die()
        for task in tasks:
            with pytest.raises(Unavailable, match="the engine could not be started") as caught:
                await task
            assert caught.value.retry_after_s == 5.0
    said = f"{type(failure).__name__}: {failure}"
    assert (str(queue.failure), timers.pending()) == (said, [1.0])
    timers.fire()  # nobody asks, but it is tried again
    await until(lambda: timers.pending() == [2.0])
    timers.fire()
    await until(lambda: queue.failure is None)
    with queue.admit() as admission:
        assert await read_window(queue, admission, window()) == " en 0"
    await queue.close()
    assert "no engine" in caplog.text


async def test_an_engine_that_dies_while_nobody_waits_is_replaced_for_the_next():
    engines = Engines()
    queue = await _running(engines)
    with queue.admit() as admission:
        await read_window(queue, admission, window())
        engines.all[0].is_dead = True
        assert await read_window(queue, admission, window(1)) == " en 30"
    assert len(engines.all) == 2
    await queue.close()


async def test_closing_answers_everyone():
    engines = Engines()
    queue = await _running(engines)
    engines.all[0].gate.clear()
    with queue.admit() as admission:
        [task] = _reading(queue, admission, window())
        await engines.all[0].started.wait()
        engines.all[0].die()
        await queue.close()
        with pytest.raises(Unavailable, match="shutting down"):
            await task
        with pytest.raises(Unavailable, match="shutting down"):
            await read_window(queue, admission, window())


# Calls that fail


async def test_a_bug_is_an_answer_too(caplog):
    def hear(heard):
        raise KeyError(heard.start_s)

    engines = Engines(hear=hear)
    queue = await _running(engines)
    with queue.admit() as admission, pytest.raises(EngineFailed, match=r"KeyError\(0\.0\)"):
        await read_window(queue, admission, window())
    await queue.close()
    assert "a call failed" in caplog.text
    assert len(engines.all[0].decodes) == 2  # it was tried once more, alone


async def test_only_who_fails_alone_is_blamed():
    """Four windows shared a call that failed, and all of their requests."""

    def hear(heard):
        if heard.start_s == 30.0:
            raise MemoryError
        return spoken(heard)

    engines = Engines(hear=hear, info=msgspec.structs.replace(MODEL, workers=1))
    queue = await _running(engines)
    with queue.admit() as admission:
        tasks = _reading(queue, admission, *_windows(4))
        await asyncio.wait(tasks)
    texts = [" en 0", None, " en 60", " en 90"]
    assert [None if task.exception() else task.result() for task in tasks] == texts
    assert str(tasks[1].exception()) == "reading window 1 failed: MemoryError()"
    await queue.close()


async def test_an_error_of_ours_keeps_its_kind():
    def hear(heard):
        raise ModelUnusable("torn")

    queue = await _running(Engines(hear=hear))
    with queue.admit() as admission, pytest.raises(ModelUnusable, match="torn"):
        await read_window(queue, admission, window())
    await queue.close()


async def _run(queue: Queue, admission: Admission, job: Job[Any, Any]) -> None:
    with queue.enter(admission, Priority.SHORT, 1.0, 1.0, "a window") as place:
        await queue.result(place, job)


async def test_a_row_left_unanswered_is_an_error():
    async def call(engine: Engine, rows: Sequence[int], is_alone: bool) -> AsyncIterator[Any]:
        for row in rows[1:]:
            yield row

    queue = await _running(Engines())
    job: Job[int, None] = Job("odd", Stage.ENCODE, 0, 1, call, needs_states=False)
    with queue.admit() as admission, pytest.raises(EngineFailed, match="left it unanswered"):
        await _run(queue, admission, job)
    await queue.close()


async def test_the_dispatcher_survives_its_own_mistakes(caplog):
    """Whatever went wrong in it ended it, and with it the model."""

    class Odd(FakeEngine):
        is_odd = False

        @property
        def info(self):
            if self.is_odd:
                self.is_odd = False
                raise RuntimeError("no information")
            return MODEL

        @info.setter
        def info(self, value):
            pass

    engine = Odd()

    async def start() -> FakeEngine:
        return engine

    queue = Queue(start, batch_cost=jobs.batch_cost(8))
    await queue.start()
    engine.is_odd = True
    with queue.admit() as admission:
        with pytest.raises(Unavailable, match="the server made a mistake: RuntimeError"):
            await read_window(queue, admission, window())
        assert await read_window(queue, admission, window()) == " en 0"
    await queue.close()
    assert "dispatching failed" in caplog.text


@pytest.mark.parametrize(("shares_windows", "rows"), [(False, [1] * 8), (True, [5, 3])])
async def test_more_windows_run_together_where_their_beams_attend_at_once(shares_windows, rows):
    """Windows of 12.5 s with beam 10; one worker, so that they are not shared out."""
    info = msgspec.structs.replace(MODEL, workers=1, shares_windows=shares_windows)
    engines, beams = Engines(info=info), replace(GREEDY, beam_size=10)
    queue = await _running(engines)
    with queue.admit() as admission:
        reading = (read_window(queue, admission, each, [beams]) for each in _windows(8))
        assert await asyncio.gather(*reading) == _texts(8)
    await queue.close()
    assert [len(job.rows) for job in engines.all[0].decodes] == rows


@pytest.mark.parametrize("mixes_prompts", [False, True])
def test_windows_with_other_prompts_run_together_where_the_engine_can(mixes_prompts):
    """But not with much longer ones."""
    engine = FakeEngine(info=msgspec.structs.replace(MODEL, mixes_prompts=mixes_prompts))
    batches = {
        jobs.decode(DecodeRow(0, prompt, prefix), 1250, GREEDY).batch_in(engine)
        for prompt, prefix in ((PROMPT, ()), ((7, *PROMPT), ()), ((7, 8, *PROMPT), (9, 10)))
    }
    assert len(batches) == (1 if mixes_prompts else 3)
    long = jobs.decode(DecodeRow(0, (*[7] * 200, *PROMPT)), 1250, GREEDY).batch_in(engine)
    assert long not in batches


# For whoever watches


class Watching:
    """An observer that writes down names and labels."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        self.seen.append((name, labels))

    def record(self, name: str, value: float, **labels: str) -> None:
        assert value >= 0
        self.seen.append((name, labels))


async def test_an_observer_is_told_what_runs_and_what_dies():
    engines, observer = Engines(poison=0.0), Watching()
    queue = await _running(engines, observer=observer)
    with queue.admit() as admission, pytest.raises(EngineFailed):
        await read_window(queue, admission, window())
    await queue.close()

    def call(job: str, ended: str) -> list[tuple[str, dict[str, str]]]:
        return [
            ("queue_wait_s", {"priority": "short"}),
            ("engine_call_rows", {"call": job}),
            ("engine_call_s", {"ended": ended, "call": job}),
        ]

    once = [*call("encode", "well"), *call("decode", "EngineDied"), ("engine_deaths", {})]
    assert observer.seen == once * 3


async def test_a_call_is_made_for_the_requests_whose_windows_are_in_it():
    """Nothing in the log of the engine said whose recording it was."""
    asked_for = []

    def hear(heard):
        asked_for.append(request_id.current())
        return spoken(heard)

    queue = await _running(Engines(hear=hear, info=msgspec.structs.replace(MODEL, workers=1)))
    with queue.admit() as admission:
        tasks = []
        for name in ("req_1", "req_2", ""):
            with request_id.bound(name):
                tasks += _reading(queue, admission, window())
        await asyncio.gather(*tasks)
    await queue.close()
    assert set(asked_for) == {"req_1, req_2"}


async def test_a_worker_is_kept_free_for_a_live_stream_until_long_after_it_is_read() -> None:
    """Both workers went to a file in every pause, and the next words waited for seconds."""
    queue = await _running(Engines())
    queue.kept_free_s = 1000.0
    speaking = queue._policy.speaking
    with queue.admit_live() as stream:
        assert speaking == {stream.request_id}
        queue.speaks(stream, is_speaking=True)
        queue.speaks(stream, is_speaking=False)
        queue.speaks(stream, is_speaking=False)
        assert speaking == {stream.request_id}
    assert (speaking, queue._giving_back) == (set(), {})
    await queue.close()


async def test_what_was_kept_free_is_given_back_when_nobody_goes_on() -> None:
    queue = await _running(Engines())
    queue.kept_free_s = 0.0
    with queue.admit_live() as stream:
        queue.speaks(stream, is_speaking=True)
        for _ in range(5):
            await asyncio.sleep(0)
        assert queue._policy.speaking == {stream.request_id}, "not while somebody speaks"
        queue.speaks(stream, is_speaking=False)
        await until(lambda: not queue._policy.speaking)
    await queue.close()
