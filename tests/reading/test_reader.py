"""A window becomes segments: what is tried, what is read again, what is believed."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from auricle.engine.protocol import Aligned
from auricle.queue.policy import Priority
from auricle.queue.queue import Queue
from auricle.reading.fallback import FallbackThresholds
from auricle.reading.jobs import batch_cost
from auricle.reading.model import ReadingModel
from auricle.reading.reader import Reader, Reading
from auricle.reading.text import compression_ratio
from auricle.types import DecodeOptions, Language, Window
from auricle.whisper.keywords import BOOST
from tests.fakes import LOOP, MODEL, VOCABULARY, FakeEngine, FakeRow, FakeText, spoken, window

ENGLISH = Language("en")


async def english(_: Callable[[], Awaitable[Language]]) -> Language:
    return ENGLISH


async def detected(detect: Callable[[], Awaitable[Language]]) -> Language:
    return await detect()


@asynccontextmanager
async def serving(engine: FakeEngine, **facts: object) -> AsyncIterator[ReadingModel]:
    """A model that reads with an engine, until the context is left, when nothing may be left."""

    async def start() -> FakeEngine:
        return engine

    queue = Queue(start, batch_cost=batch_cost(8))
    await queue.start()
    try:
        yield ReadingModel(queue, VOCABULARY, margin_s=10.0, **facts)  # type: ignore[arg-type]  # passed on
    finally:
        await queue.close()
    assert (engine.kept, queue.n_windows, queue.n_requests) == ({}, 0, 0)


async def read(
    engine: FakeEngine,
    options: DecodeOptions | None = None,
    what: Window | None = None,
    *,
    context: str = "",
    language_of=english,
    **facts: object,
) -> Reading:
    async with serving(engine, **facts) as model:
        with model.queue.admit() as admission:
            reader = Reader(model, admission, Priority.SHORT, options or DecodeOptions(), context)
            return await reader.read(what or window(), language_of)


def ways(engine: FakeEngine) -> list[tuple[int, int, float]]:
    """How it was asked for text: frames, beam and temperature."""
    return [(each.n_frames, each.job.beam_size, each.temperature) for each in engine.heard]


def lengths(engine: FakeEngine) -> list[int]:
    return [job.n_frames for job in engine.encodes]


async def test_a_window_is_encoded_decoded_and_let_go():
    engine = FakeEngine()
    reading = await read(engine, language_of=detected)
    assert reading.language == Language("de", 0.9)
    assert [(each.text, each.start_s, each.end_s) for each in reading.segments] == [(" de 0", 0, 2)]
    assert (len(engine.encodes), len(engine.detects), len(engine.decodes)) == (1, 1, 1)


async def test_a_given_language_is_not_detected():
    engine = FakeEngine()
    reading = await read(engine)
    assert (reading.language, [each.text for each in reading.segments]) == (ENGLISH, [" en 0"])
    assert engine.detects == []


async def test_detection_keeps_to_the_languages_allowed():
    reading = await read(FakeEngine(), DecodeOptions(languages=("en",)), language_of=detected)
    assert reading.language == Language("en", 0.05)  # among all, not among these


# One attempt after another


def loops_until(temperature: float) -> Callable[[FakeRow], FakeText]:
    """Repeats itself until it is asked at this temperature."""

    def hear(heard: FakeRow) -> FakeText:
        return LOOP if heard.temperature < temperature else replace(spoken(heard), avg_logprob=-0.4)

    return hear


FULL = DecodeOptions(audio_context="full")


async def test_a_doubtful_text_is_tried_again_with_the_encoder_states_kept():
    engine = FakeEngine(loops_until(0.4))
    reading = await read(engine, FULL)
    assert ways(engine) == [(3000, 5, 0.0), (3000, 1, 0.0), (3000, 1, 0.2), (3000, 1, 0.4)]
    assert lengths(engine) == [3000]
    assert [each.temperature for each in reading.segments] == [0.4]


async def test_who_wants_to_know_is_told_how_each_attempt_came_out(caplog):
    """``--verbose`` promised the windows and said nothing about them."""
    caplog.set_level(logging.DEBUG, "auricle.reading")
    await read(FakeEngine(loops_until(0.2)), replace(FULL, beam_size=1))
    loop, plain = (f"{compression_ratio(text):.2f}" for text in (LOOP.text, " en 0"))
    assert caplog.messages == [
        "0.00 to 2.00 s: beam 1, temperature 0, 3000 frames: log-probability -0.20, compression "
        f"{loop}, no speech 0.01; read again",
        "0.00 to 2.00 s: beam 1, temperature 0.2, 3000 frames: log-probability -0.40, compression "
        f"{plain}, no speech 0.01",
    ]


async def test_the_operators_thresholds_decide_what_is_tried_again():
    engine = FakeEngine(lambda heard: replace(spoken(heard), avg_logprob=-0.6))
    thresholds = FallbackThresholds(min_avg_logprob=-0.5, temperatures=(0.7,))
    await read(engine, replace(FULL, beam_size=1), thresholds=thresholds)
    assert [each.temperature for each in engine.heard] == [0.0, 0.7]


async def test_a_text_cut_off_in_a_short_context_is_read_again_in_full():
    def hear(heard: FakeRow) -> FakeText:
        text = spoken(heard)
        return text if heard.is_full else replace(text, avg_logprob=-0.1, is_truncated=True)

    engine = FakeEngine(hear)
    reading = await read(engine)
    assert ways(engine) == [(1250, 5, 0.0), (3000, 5, 0.0)]
    assert lengths(engine) == [1250, 3000]
    # the short one counts for nothing, however sure it was
    assert [each.avg_logprob for each in reading.segments] == [-0.2]


async def test_balanced_searches_where_greedy_is_unsure():
    engine = FakeEngine(lambda heard: replace(spoken(heard), avg_logprob=-0.5))
    await read(engine, replace(FULL, decoding="balanced"))
    assert ways(engine) == [(3000, 1, 0.0), (3000, 5, 0.0)]


async def test_odd_windows_change_nothing_for_those_that_come_after():
    """After fifty windows of which a tenth made sense only with 30 s of context, everybody got 30 s
    for the next 500: clips took 2.3 times longer, and were read otherwise than before."""
    odd = (
        LOOP,
        FakeText(" cut", is_truncated=True),
        FakeText(" guessed", avg_logprob=-2.0),
        FakeText(" nobody", no_speech_prob=0.99, avg_logprob=-0.9),
        FakeText(" late", start_s=20.0, end_s=22.0),
    )

    def hear(heard: FakeRow) -> FakeText:
        n = round(heard.start_s)
        return odd[n % 5] if n > 1000 else spoken(heard)

    engine = FakeEngine(hear)
    clips = [window(n, seconds) for n, seconds in enumerate((2.0, 8.0, 20.0))]
    async with serving(engine) as model:

        async def hears(each: Window) -> tuple[Reading, int]:
            with model.queue.admit() as admission:
                reader = Reader(model, admission, Priority.SHORT, DecodeOptions())
                return await reader.read(each, detected), engine.heard[-1].n_frames

        fresh = [await hears(each) for each in clips]
        for n in range(300):
            await hears(window(start_s=1001.0 + n, seconds=3.0))
        assert [await hears(each) for each in clips] == fresh
        assert [n_frames for _, n_frames in fresh] == [1250, 2000, 3000]
        assert model.read_again.share == pytest.approx(180 / 304, abs=0.01)


# What the model was told


async def test_the_prompt_is_what_the_model_was_told_and_the_text_before():
    engine = FakeEngine()
    options = DecodeOptions(prompt="Hello.", keywords=("Ann",), prefix="So")
    await read(engine, options, context=" Said before.")
    [heard] = engine.heard
    assert (heard.told, heard.prefix) == (" Ann. Hello. Said before.", " So")


async def test_keywords_are_expected_in_the_text():
    engine = FakeEngine()
    await read(engine, DecodeOptions(keywords=("Ann", "Bob"), keyword_boosts=(("Bob", 2.0),)))
    [heard] = engine.heard
    [row] = heard.job.rows
    expected = [(VOCABULARY.decode(each.ids), each.boost) for each in row.expected]
    assert expected == [(" Ann", BOOST), (" Bob", 2 * BOOST)]


async def test_a_loop_after_a_prompt_is_read_again_without():
    engine = FakeEngine(lambda heard: LOOP if heard.told else spoken(heard))
    reading = await read(engine, DecodeOptions(keywords=("Ann",)))
    assert [each.text for each in reading.segments] == [" en 0"]
    assert engine.heard[-1].told == ""
    assert engine.heard[-1].job.rows[0].expected == ()


async def test_an_echo_of_the_prompt_is_read_again_without_it():
    prompt = "Minutes of the board meeting."
    engine = FakeEngine(lambda heard: FakeText(f" {prompt}" if heard.told else " Good morning."))
    reading = await read(engine, DecodeOptions(prompt=prompt))
    assert [each.text for each in reading.segments] == [" Good morning."]
    assert [heard.told for heard in engine.heard] == [f" {prompt}", ""]
    assert len(engine.encodes) == 1  # what was encoded is used again


# What the text leaves out


async def test_what_was_read_ends_before_the_rest_of_its_window():
    def hear(heard: FakeRow) -> FakeText:
        first = FakeText(f" told {heard.told}", end_s=6.0, goes_on=True)
        return first if heard.start_s < 6 else FakeText(f" told{heard.told}")

    engine = FakeEngine(hear)
    reading = await read(engine, what=window(seconds=20.0))
    assert [(each.text, each.start_s, each.end_s) for each in reading.segments] == [
        (" told", 0.0, 6.0),
        (" told told", 6.0, 20.0),  # the model is told what was said before
    ]
    assert reading.context == " told told told"


async def test_a_text_read_with_much_chance_is_no_context():
    def hear(heard: FakeRow) -> FakeText:
        if heard.temperature < 0.6:
            return LOOP
        return FakeText(
            f" told{heard.told}", end_s=6.0 if heard.start_s < 6 else 14.0, goes_on=True
        )

    reading = await read(FakeEngine(hear), what=window(seconds=20.0), context=" Before.")
    assert [each.text for each in reading.segments] == [" told Before.", " told"]
    assert reading.context == ""


class Counting:
    """An observer of what is read again."""

    def __init__(self) -> None:
        self.why: list[str] = []

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        assert name == "windows_read_again"
        self.why.append(labels["why"])

    def record(self, name: str, value: float, **labels: str) -> None:
        pass


async def test_an_observer_is_told_what_is_read_again():
    def hear(heard: FakeRow) -> FakeText:
        if heard.told or heard.start_s >= 6:
            return LOOP if heard.told and heard.temperature < 0.2 else spoken(heard)
        return replace(spoken(heard), end_s=6.0, goes_on=True)

    observer = Counting()
    options = DecodeOptions(decoding="fast", keywords=("Ann",), audio_context="full")
    await read(FakeEngine(hear), options, window(seconds=20.0), observer=observer)
    assert observer.why == ["doubtful"]
    observer.why.clear()
    await read(
        FakeEngine(hear), replace(FULL, decoding="fast"), window(seconds=20.0), observer=observer
    )
    assert observer.why == ["tail", "doubtful"]


TWO_SENTENCES = replace(window(seconds=12.0), speech=((0.5, 4.0), (4.8, 11.0)))


@pytest.mark.parametrize(
    ("n_in_half", "heard"),
    [
        pytest.param(20, ["half at 0", "half at 4"], id="a sentence was missing"),
        pytest.param(6, ["whole at 0"], id="nothing was"),
    ],
)
async def test_a_sentence_left_out_of_a_window_is_read_by_itself(n_in_half, heard):
    def hear(each: FakeRow) -> FakeText:
        is_whole = each.duration_s > 10
        text = f" {'whole' if is_whole else 'half'} at {int(each.start_s)}"
        return FakeText(text.ljust(20 if is_whole else n_in_half, "."))

    reading = await read(FakeEngine(hear), what=TWO_SENTENCES)
    assert [each.text.strip(" .") for each in reading.segments] == heard


async def test_a_window_that_loops_is_read_in_halves_before_chance_is_tried():
    """base said "1.1.1.1" to three sentences in Hindi, and each of them when read alone."""

    def hear(each: FakeRow) -> FakeText:
        return LOOP if each.duration_s > 10 else FakeText(f" half at {int(each.start_s)}")

    engine = FakeEngine(hear)
    observer = Counting()
    reading = await read(engine, FULL, TWO_SENTENCES, observer=observer)
    assert [each.text for each in reading.segments] == [" half at 0", " half at 4"]
    assert ways(engine) == [(3000, 5, 0.0), (3000, 1, 0.0), *[(3000, 5, 0.0)] * 2]
    assert observer.why == ["doubtful", "half", "half"]

    one_worker = FakeEngine(hear, msgspec.structs.replace(MODEL, workers=1))
    await read(one_worker, replace(FULL, beam_size=1), TWO_SENTENCES)
    assert [len(each.job.rows) for each in one_worker.heard] == [1, 2, 2]  # halves side by side


ENOUGH = " words, and as many of them as there is speech"


async def test_a_guess_is_left_to_chance_although_there_is_a_pause():
    """Only loops are read in halves."""
    engine = FakeEngine(lambda each: FakeText(ENOUGH, avg_logprob=-1.3 + each.temperature))
    await read(engine, replace(FULL, decoding="fast"), TWO_SENTENCES)
    assert ways(engine) == [(3000, 1, 0.0), (3000, 1, 0.2), (3000, 1, 0.4)]


async def test_a_half_that_loops_is_halved_until_there_is_no_pause_and_chance_is_tried():
    whole = replace(window(seconds=20.0), speech=((0.5, 5.0), (5.5, 9.0), (11.0, 19.0)))

    def hear(each: FakeRow) -> FakeText:
        if each.duration_s > 7 and each.temperature < 0.4:
            return LOOP
        return FakeText(f" {each.start_s:.0f} s at {each.temperature:g}")

    reading = await read(FakeEngine(hear), FULL, whole)
    assert [each.text for each in reading.segments] == [" 0 s at 0", " 5 s at 0", " 10 s at 0.4"]


async def test_what_is_said_over_and_over_is_not_left_where_nothing_else_is_heard():
    twelve_times = replace(LOOP, left=LOOP.text[:80])
    engine = FakeEngine(lambda _: twelve_times)
    reading = await read(engine, FULL, window())
    assert [each.text for each in reading.segments] == [LOOP.text]
    *tried, last = engine.heard
    assert all(each.job.stops_on_loops for each in tried)
    assert not last.job.stops_on_loops
    assert len(tried) == 7


async def test_a_loop_is_left_for_what_is_heard_otherwise():
    """Although what was said of it does not look like one."""
    left = FakeText(" so short a beginning that it looks like any other", left=" so short")
    engine = FakeEngine(lambda each: left if each.temperature < 0.2 else FakeText(" words"))
    reading = await read(engine, FULL, window())
    assert [each.text for each in reading.segments] == [" words"]


# Details


async def test_words_and_probabilities_of_the_text_that_is_believed():
    engine = FakeEngine(loops_until(0.2))
    options = DecodeOptions(words=True, logprobs=True, audio_context="full", beam_size=1)
    reading = await read(engine, options, window(1))
    [segment] = reading.segments
    words = segment.words or ()
    assert [word.text for word in words] == [" en", " 30"]
    assert (segment.start_s, segment.end_s) == (words[0].start_s, words[-1].end_s)
    assert [token.raw for token in segment.logprobs or ()] == [b" ", b"e", b"n", b" ", b"3", b"0"]
    [job] = engine.aligns
    assert (VOCABULARY.decode(job.ids), job.n_frames) == (" en 30", 200)


class Placing(FakeEngine):
    """Places words while it finds them: a token in each state, which nobody takes for the time that
    a pass finds."""

    async def decode(self, job):
        async for said in super().decode(job):
            [row] = job.rows
            text = [i for i in said.ids if i < VOCABULARY.eot]
            path = tuple((n, n) for n in range(len(text) + 1))
            found = Aligned(path, (0.25,) * len(text)) if row.n_align_frames else None
            yield msgspec.structs.replace(said, aligned=found)


async def test_words_that_are_placed_on_the_way_need_no_pass():
    placing = Placing()
    reading = await read(placing, DecodeOptions(words=True), window(seconds=3.0))
    assert placing.aligns == []
    words = reading.segments[0].words
    assert words is not None
    assert [word.probability for word in words] == [0.25] * len(words)


async def test_words_behind_a_prefix_need_one():
    """Of what was given there would be no probabilities."""
    placing = Placing(lambda each: FakeText(f"{each.prefix} it is", tells_logprobs=True))
    options = DecodeOptions(words=True, logprobs=True, prefix="So")
    [segment] = (await read(placing, options, window(seconds=3.0))).segments
    assert len(placing.aligns) == 1
    assert {token.logprob for token in segment.logprobs or ()} == {math.log(0.5)}
    assert {word.probability for word in segment.words or ()} == {0.5}


@pytest.mark.parametrize("what", [window(seconds=3.0), window(seconds=1.0)], ids=["long", "short"])
async def test_log_probabilities_that_the_search_tells_need_no_pass(what):
    """Neither behind timestamps nor of the likeliest of several short texts."""
    said = FakeText(" Hum.", others=((" Hi.", -0.1),), tells_logprobs=True)
    engine = FakeEngine(lambda _: said)
    [segment] = (await read(engine, DecodeOptions(logprobs=True), what)).segments
    assert engine.aligns == []
    assert b"".join(token.raw for token in segment.logprobs or ()).decode() == segment.text
    first = int(what.duration_s > 2)  # a timestamp
    assert [token.logprob for token in segment.logprobs or ()] == [
        -(first + n) / 100 for n in range(len(segment.text))
    ]


async def test_words_have_the_probabilities_that_the_search_tells():
    engine = Placing(lambda _: FakeText(" He.", tells_logprobs=True))
    [segment] = (await read(engine, DecodeOptions(words=True), window(seconds=3.0))).segments
    assert segment.logprobs is None
    [word] = segment.words or ()
    expected = np.exp([-0.01, -0.02, -0.03, -0.04]).mean()
    assert word.probability == pytest.approx(expected)


async def test_nothing_is_aligned_that_nobody_asked_for_or_said():
    engine = FakeEngine()
    await read(engine)
    silent = FakeEngine(lambda _: FakeText("", avg_logprob=-2.0, no_speech_prob=0.9))
    reading = await read(silent, DecodeOptions(words=True))
    assert (reading.segments, engine.aligns, silent.aligns) == ((), [], [])


# One attempt


async def test_a_window_is_read_once_whatever_comes_of_it():
    engine = FakeEngine(lambda _: replace(LOOP, goes_on=True, end_s=1.0))
    async with serving(engine) as model:
        with model.queue.admit() as admission:
            options = DecodeOptions(decoding="fast", prompt="Hello.")
            reader = Reader(model, admission, Priority.SHORT, options)
            reading = await reader.read_once(window(seconds=20.0), detected)
    assert ways(engine) == [(3000, 1, 0.0)]
    assert [each.text for each in reading.segments] == [LOOP.text]
    assert reading.language == Language("de", 0.9)
