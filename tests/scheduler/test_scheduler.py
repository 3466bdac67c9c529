"""The scheduler against an engine that answers, waits or dies on cue."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from auricle.errors import EngineFailed, ModelUnusable, Overloaded, Unavailable
from auricle.scheduler.admission import Gate, Limits
from auricle.scheduler.fallback import Rules
from auricle.scheduler.policy import Priority
from auricle.scheduler.scheduler import Scheduler
from auricle.types import DecodeOptions, Language, Window
from tests.fakes import MODEL, FakeEngine, spoken

POISON = 0.5


def _window(index=0, seconds=2.0, sample=0.0):
    pcm = np.full(int(seconds * 16_000), sample, np.float32)
    start_s = index * 30.0
    return Window(index, start_s, pcm, ((start_s, start_s + seconds),) if seconds else ())


class Engines:
    """Starts fake engines and remembers them; ``failures`` are raised instead, in order."""

    def __init__(self, **kwargs):
        self.kwargs = kwargs
        self.all: list[FakeEngine] = []
        self.failures: list[Exception] = []

    async def start(self) -> FakeEngine:
        if self.failures:
            raise self.failures.pop(0)
        self.all.append(FakeEngine(**self.kwargs))
        return self.all[-1]


async def _running(engines, **limits):
    scheduler = Scheduler(engines.start, **limits)
    await scheduler.start()
    return scheduler


async def test_a_window_that_comes_alone_gets_the_whole_machine():
    engines = Engines()
    scheduler = await _running(engines)
    with scheduler.admit() as admission:
        await admission.submit(_window(), DecodeOptions(), "en").text
        tickets = [admission.submit(_window(n), DecodeOptions(), "en") for n in range(2)]
        await asyncio.gather(*(ticket.text for ticket in tickets))
    await scheduler.close()
    assert [job.is_alone for job in engines.all[0].encodes] == [True, False, False]


async def test_a_window_is_encoded_decoded_and_let_go():
    engines = Engines()
    scheduler = await _running(engines)
    with scheduler.admit() as admission:
        ticket = admission.submit(_window(), DecodeOptions(beam_size=5), None)
        text = await ticket.text
    engine = engines.all[0]
    assert ticket.language.result() == Language("de", 0.9)
    assert [segment.text for segment in text.segments] == [" de 0"]
    assert (len(engine.encodes), len(engine.decodes)) == (1, 1)
    await scheduler.close()
    assert (engine.kept, scheduler.n_waiting, scheduler.n_requests) == ({}, 0, 0)


async def test_a_given_language_is_not_detected():
    engines = Engines()
    scheduler = await _running(engines)
    with scheduler.admit() as admission:
        ticket = admission.submit(_window(), DecodeOptions(), "en")
        assert await ticket.language == Language("en", None)
        assert [s.text for s in (await ticket.text).segments] == [" en 0"]
    assert engines.all[0].encodes[0].rows[0].detect_language is False
    await scheduler.close()


async def test_never_more_jobs_than_workers_and_all_answered():
    engines = Engines()
    scheduler = await _running(engines)
    with scheduler.admit() as first, scheduler.admit() as second:
        tickets = [
            admission.submit(_window(n), DecodeOptions(), "en")
            for n in range(20)
            for admission in (first, second)
        ]
        texts = [await ticket.text for ticket in tickets]
    assert [text.segments[0].start_s for text in texts] == [30.0 * (n // 2) for n in range(40)]
    assert engines.all[0].most_running == 2  # FakeEngine asserts that it is never more
    await scheduler.close()


async def test_windows_of_different_requests_are_decoded_together():
    engines = Engines()
    scheduler = await _running(engines)
    with scheduler.admit() as first, scheduler.admit() as second:
        tickets = [a.submit(_window(), DecodeOptions(beam_size=1), "en") for a in (first, second)]
        await asyncio.gather(*(ticket.text for ticket in tickets))
    assert [len(job.rows) for job in engines.all[0].decodes] in ([2], [1, 1])
    await scheduler.close()


async def test_leaving_a_request_cancels_its_queued_windows():
    engines = Engines()
    scheduler = await _running(engines)
    engine = engines.all[0]
    engine.gate.clear()
    with scheduler.admit() as admission:
        for n in range(10):
            admission.submit(_window(n), DecodeOptions(), "en")
        await engine.started.wait()
    assert scheduler.n_waiting == 0
    engine.gate.set()
    with scheduler.admit() as admission:
        await admission.submit(_window(50), DecodeOptions(), "en").text
    await scheduler.close()
    assert len(engine.encodes) <= 3  # two were running, and the new one
    assert engine.kept == {}


async def test_one_request_too_many_is_refused_and_the_next_is_not():
    scheduler = await _running(Engines(), gate=Gate(Limits(max_requests=1)))
    with scheduler.admit(), pytest.raises(Overloaded, match="1 requests are being transcribed"):
        scheduler.admit()
    with scheduler.admit() as admission:
        await admission.submit(_window(), DecodeOptions(), "en").text
    await scheduler.close()


async def test_a_killed_engine_loses_nothing():
    engines = Engines()
    scheduler = await _running(engines)
    first = engines.all[0]
    first.gate.clear()
    with scheduler.admit() as admission:
        tickets = [admission.submit(_window(n), DecodeOptions(), "en") for n in range(6)]
        await first.started.wait()
        first.die()
        texts = [await ticket.text for ticket in tickets]
    assert [text.segments[0].text for text in texts] == [f" en {30 * n}" for n in range(6)]
    assert len(engines.all) == 2
    await scheduler.close()


async def test_a_window_that_kills_engines_fails_alone():
    engines = Engines(poison=POISON)
    scheduler = await _running(engines)
    with scheduler.admit() as bad, scheduler.admit() as good:
        poisoned = bad.submit(_window(1, sample=POISON), DecodeOptions(beam_size=1), "en")
        tickets = [good.submit(_window(n), DecodeOptions(beam_size=1), "en") for n in range(6)]
        texts = [await ticket.text for ticket in tickets]
        with pytest.raises(EngineFailed, match=r"between 30\.00 s and 32\.00 s \(poisoned\)"):
            await poisoned.text
    assert [text.segments[0].text for text in texts] == [f" en {30 * n}" for n in range(6)]
    assert len(engines.all) >= 3
    with scheduler.admit() as admission:
        assert (await admission.submit(_window(), DecodeOptions(), "en").text).segments
    await scheduler.close()


async def test_when_no_engine_starts_everyone_waiting_learns_why_and_the_next_try_may_work():
    engines = Engines()
    scheduler = await _running(engines)
    engines.failures = [ModelUnusable("model.bin is gone")]
    engines.all[0].gate.clear()
    with scheduler.admit() as admission:
        tickets = [admission.submit(_window(n), DecodeOptions(), "en") for n in range(4)]
        await engines.all[0].started.wait()
        engines.all[0].die()
        for ticket in tickets:
            with pytest.raises(Unavailable, match=r"could not be started: model\.bin is gone"):
                await ticket.text
        assert (await admission.submit(_window(9), DecodeOptions(), "en").text).segments
    await scheduler.close()


async def test_closing_answers_everyone():
    engines = Engines()
    scheduler = await _running(engines)
    engines.all[0].gate.clear()
    with scheduler.admit() as admission:
        ticket = admission.submit(_window(), DecodeOptions(), "en")
        await engines.all[0].started.wait()
        engines.all[0].die()
        await scheduler.close()
        with pytest.raises(Unavailable, match="shutting down"):
            await ticket.text
        late = admission.submit(_window(), DecodeOptions(), "en")
        with pytest.raises(Unavailable, match="shutting down"):
            await late.text


async def _tried(hear, options):
    """The text that is heard in the end, and how the engine was asked on the way."""
    engines = Engines(hear=hear)
    scheduler = await _running(engines)
    with scheduler.admit() as admission:
        text = await admission.submit(_window(), options, "en").text
    engine = engines.all[0]
    ways = [
        (frames, job.beam_size, job.temperature)
        for frames, job in zip(engine.frames, engine.decodes, strict=True)
    ]
    await scheduler.close()
    return text, ways, [job.n_frames for job in engine.encodes]


def _loops_until(temperature):
    """An engine that repeats itself until it is asked at this temperature."""

    def hear(row, job):
        text = spoken(row, job, avg_logprob=-0.4)
        is_loop = job.temperature < temperature
        return msgspec.structs.replace(text, compression_ratio=9.0 if is_loop else 1.2)

    return hear


async def test_a_doubtful_text_is_tried_again_with_the_encoder_states_kept():
    options = DecodeOptions(beam_size=5, audio_context="full")
    text, ways, encodes = await _tried(_loops_until(0.4), options)
    assert ways == [(3000, 5, 0.0), (3000, 1, 0.0), (3000, 1, 0.2), (3000, 1, 0.4)]
    assert encodes == [3000]
    assert text.temperature == 0.4


async def test_who_wants_to_know_is_told_how_each_way_of_reading_came_out(caplog):
    """``--verbose`` promised the windows and said nothing about them."""
    caplog.set_level(logging.DEBUG, "auricle.scheduler.ticket")
    await _tried(_loops_until(0.2), DecodeOptions(beam_size=1, audio_context="full"))
    said = "request 1, 0.00 to 2.00 s: beam 1, temperature {}, 3000 frames: log-probability -0.40, "
    assert caplog.messages == [
        said.format("0") + "compression 9.00, no speech 0.01; read again",
        said.format("0.2") + "compression 1.20, no speech 0.01",
    ]


async def test_retries_of_different_requests_are_decoded_together():
    one_worker = msgspec.structs.replace(MODEL, workers=1)
    engines = Engines(hear=_loops_until(0.2), info=one_worker)
    scheduler = await _running(engines)
    options = DecodeOptions(beam_size=1, audio_context="full")
    with scheduler.admit() as first, scheduler.admit() as second:
        tickets = [each.submit(_window(), options, "en") for each in (first, second)]
        texts = [await ticket.text for ticket in tickets]
    await scheduler.close()
    jobs = [(job.temperature, len(job.rows)) for job in engines.all[0].decodes]
    assert jobs == [(0.0, 2), (0.2, 2)]
    assert [text.temperature for text in texts] == [0.2, 0.2]


async def test_the_operators_rules_decide_what_is_tried_again():
    engines = Engines(hear=lambda row, job: spoken(row, job, avg_logprob=-0.6))
    rules = Rules(min_avg_logprob=-0.5, temperatures=(0.7,))
    scheduler = await _running(engines, rules=rules)
    with scheduler.admit() as admission:
        options = DecodeOptions(beam_size=1, audio_context="full")
        await admission.submit(_window(), options, "en").text
    await scheduler.close()
    assert [job.temperature for job in engines.all[0].decodes] == [0.0, 0.7]


async def test_a_text_cut_off_in_a_short_context_is_read_again_in_full():
    def hear(row, job):
        return spoken(row, job, -0.1 if job.max_new_tokens < 224 else -0.3, is_truncated=True)

    text, ways, encodes = await _tried(hear, DecodeOptions())
    assert ways == [(1250, 5, 0.0), (3000, 5, 0.0)]
    assert encodes == [1250, 3000]
    assert text.avg_logprob == -0.3  # the short one counts for nothing, however sure it was


async def test_a_bug_is_an_answer_too(caplog):
    def hear(row, job):
        raise KeyError(row.start_s)

    scheduler = await _running(Engines(hear=hear))
    with scheduler.admit() as admission, pytest.raises(EngineFailed, match=r"KeyError\(0\.0\)"):
        await admission.submit(_window(), DecodeOptions(), "en").text
    await scheduler.close()
    assert "a job failed" in caplog.text


async def test_odd_windows_change_nothing_for_those_that_come_after():
    """After fifty windows of which a tenth made sense only with 30 s of context, everybody got 30 s
    for the next 500: clips took 2.3 times longer, and were read otherwise than before."""
    kinds = {
        0.25: lambda text: msgspec.structs.replace(text, compression_ratio=9.0),
        0.5: lambda text: msgspec.structs.replace(text, is_truncated=True),
        0.75: lambda text: msgspec.structs.replace(text, avg_logprob=-2.0),
        1.0: lambda text: msgspec.structs.replace(text, no_speech_prob=0.99),
    }

    def hear(row, job):
        oddly = kinds.get(row.start_s % 30 / 4)
        return oddly(spoken(row, job)) if oddly else spoken(row, job)

    engines = Engines(hear=hear)
    scheduler = await _running(engines)

    async def read(window):
        with scheduler.admit() as admission:
            text = await admission.submit(window, DecodeOptions(), None).text
            return text, engines.all[0].frames[-1]

    fresh = [await read(_window(n, seconds)) for n, seconds in enumerate((2.0, 8.0, 20.0))]
    for n in range(300):
        odd = _window(n)
        await read(replace(odd, start_s=odd.start_s + 1.0 + n % 4))
    assert [await read(_window(n, seconds)) for n, seconds in enumerate((2.0, 8.0, 20.0))] == fresh
    assert [frames for _, frames in fresh] == [1250, 2000, 3000]
    await scheduler.close()


async def test_balanced_searches_where_greedy_is_unsure():
    def hear(row, job):
        return spoken(row, job, avg_logprob=-0.5)

    _, ways, _ = await _tried(hear, DecodeOptions(decoding="balanced", audio_context="full"))
    assert ways == [(3000, 1, 0.0), (3000, 5, 0.0)]


async def test_a_window_that_is_dropped_runs_no_more():
    engines = Engines()
    scheduler = await _running(engines)
    engine = engines.all[0]
    engine.gate.clear()
    with scheduler.admit() as admission:
        running = [admission.submit(_window(n), DecodeOptions(), "en") for n in range(2)]
        await engine.started.wait()
        partial = admission.submit(_window(7), DecodeOptions(), "en", Priority.LIVE_PARTIAL)
        admission.drop(partial)
        newer = admission.submit(_window(8), DecodeOptions(), "en", Priority.LIVE_PARTIAL)
        engine.gate.set()
        texts = [await ticket.text for ticket in (*running, newer)]
    assert partial.text.cancelled()
    assert [text.segments[0].start_s for text in texts] == [0.0, 30.0, 240.0]
    assert len(engine.encodes) == 3
    await scheduler.close()
