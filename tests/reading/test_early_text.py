"""Words that are given out before a window is read: which, when, and that they stay."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from auricle.engine.protocol import EngineDied, Tokens
from auricle.queue.policy import Priority
from auricle.queue.queue import Queue
from auricle.reading.early_text import EarlyText, Given, is_sure, whole_words
from auricle.reading.fallback import OPENAI_WHISPER, Attempt
from auricle.reading.jobs import batch_cost
from auricle.reading.model import ReadingModel
from auricle.reading.reader import Reader, Reading
from auricle.types import DecodeOptions, Token, Window
from tests.fakes import LOOP, VOCABULARY, FakeEngine, FakeRow, FakeText, window
from tests.reading.test_reader import english, serving

FULL = DecodeOptions(audio_context="full")
FIRST = VOCABULARY.first_timestamp
BEAM, GREEDY = Attempt(5, 0.0, is_full=True), Attempt(1, 0.0, is_full=True)


def ids(*parts: str | int) -> tuple[int, ...]:
    """Text and timestamps, these in hundredths of a second."""
    return tuple(
        each
        for part in parts
        for each in ([FIRST + part // 2] if isinstance(part, int) else VOCABULARY.encode(part))
    )


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (ids(0, " One two thr"), " One two"),
        (ids(0, " One"), ""),
        (ids(0), ""),
        (ids(0, " One.", 200, 200, " Two thr"), " One. Two"),
        (ids(0, " One ", 200, 200, " Two thr"), " One Two"),  # as segments have it
        (ids(0, " One two.", 200, 200, " ", 300, 300, " Three"), " One"),  # a piece goes
        (ids(0, " very very ver"), " very"),
        (ids(0, " a b c a b c a b"), " a b c"),
        (ids(0, " we a b c a b c a b d e"), " we a b c a b c a b d"),
        (ids(0, " one two one three"), " one two one"),
        (ids(0, " caf\u00e9 au")[:-4], ""),  # in the middle of a character
    ],
)
def test_whole_words_are_given_out_and_no_repetitions(told, text):
    kept, given = whole_words(told, VOCABULARY, "en")
    assert given == text
    assert told[: len(kept)] == kept
    assert VOCABULARY.decode(kept).replace("  ", " ") == text


def test_in_languages_without_spaces_characters_are_given_out():
    kept, given = whole_words(ids(0, "今日は"), VOCABULARY, "ja")
    assert given == "今日"
    assert VOCABULARY.decode(kept) == given


@pytest.mark.parametrize(
    ("attempt", "changes", "is_given"),
    [
        (BEAM, {}, True),
        (BEAM, {"avg_logprob": -1.5}, True),  # nothing better would be found
        (GREEDY, {"avg_logprob": -0.9}, True),
        (GREEDY, {"avg_logprob": -1.1}, False),
        (GREEDY._replace(sure_from=-0.4), {"avg_logprob": -0.5}, False),
        (BEAM, {"no_speech_prob": 0.7}, False),
        (BEAM, {"ids": ids(0, " One", 350, 350, " Two")}, False),  # behind 2 s of audio
    ],
)
def test_what_may_have_a_window_read_again_is_not_given_out(attempt, changes, is_given):
    told = msgspec.structs.replace(Tokens(1, ids(0, " One"), -0.2, 0.1), **changes)
    found = is_sure(told, attempt, OPENAI_WHISPER, window(), VOCABULARY)
    assert found == is_given


def test_nothing_is_given_out_where_nobody_was_heard_to_speak():
    silent = replace(window(), speech=())
    told = Tokens(1, ids(0, " One"), -0.2, 0.1)
    assert not is_sure(told, BEAM, OPENAI_WHISPER, silent, VOCABULARY)


async def test_what_was_given_out_is_not_taken_back():
    early = EarlyText()
    texts: list[str] = []

    async def listen() -> None:
        async for given in early.parts():
            texts.append(given.text)

    listening = asyncio.create_task(listen())
    for text in (" One", " Two three", " On", " One two", " One two three"):
        early.grow(ids(0, text), text)
        for _ in range(3):
            await asyncio.sleep(0)
    early.end()
    await listening
    assert texts == [" One", " One two", " One two three"]


async def read(
    engine: FakeEngine, options: DecodeOptions = FULL, what: Window | None = None, context: str = ""
) -> tuple[Reading, str]:
    """What is read, and what was given out of it before."""
    reading, given = await read_along(engine, options, what, context)
    return reading, given.text


async def read_along(
    engine: FakeEngine, options: DecodeOptions = FULL, what: Window | None = None, context: str = ""
) -> tuple[Reading, Given]:
    early = EarlyText()
    async with serving(engine) as model:
        with model.queue.admit() as admission:
            reader = Reader(model, admission, Priority.SHORT, options, context)
            return await reader.read(what or window(seconds=10.0), english, early), early.given


def text(reading: Reading) -> str:
    return "".join(segment.text for segment in reading.segments)


def prefixes(engine: FakeEngine) -> list[str]:
    return [each.prefix for each in engine.heard]


TOLD = FakeText(" One two three.", told=(" One", " One two", " One two thr"))


def always(said: FakeText) -> Callable[[FakeRow], FakeText]:
    return lambda _: said


async def test_words_are_given_out_as_they_are_told():
    engine = FakeEngine(always(TOLD))
    reading, given = await read(engine)
    assert (text(reading), given) == (" One two three.", " One two")
    assert prefixes(engine) == [""]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"prompt": "Two."}, " One two"),
        ({"keywords": ("Three",)}, " One two"),
        ({"prompt": "So one two three."}, ""),
        ({"prompt": "One, too."}, " One two"),
        ({"keywords": ("One Two",)}, ""),
        ({"prefix": "One"}, ""),
    ],
)
async def test_nothing_is_given_out_that_may_only_repeat_what_the_model_was_told(changes, expected):
    _, given = await read(FakeEngine(always(TOLD)), replace(FULL, **changes))
    assert given == expected


async def test_without_its_prompt_a_text_is_read_behind_what_was_given_out():
    """It ends as the prompt does, and nobody says that."""

    def hear(heard: FakeRow) -> FakeText:
        if heard.told:
            return FakeText(" One two. Thanks for watching.", told=(" One two. Thanks",))
        return FakeText(f"{heard.prefix} Bye.")

    engine = FakeEngine(hear)
    reading, given = await read(engine, replace(FULL, prompt="Hello. Thanks for watching."))
    assert given == " One two."
    assert text(reading) == " One two. Bye."
    assert prefixes(engine) == ["", " One two."]


async def test_a_text_that_turns_out_to_be_broken_is_read_anew_behind_what_was_given_out():
    def hear(heard: FakeRow) -> FakeText:
        if not heard.prefix:
            return replace(LOOP, text=" One two" + LOOP.text, told=(" One two again",))
        return FakeText(" One two three.", no_speech_prob=0.99, avg_logprob=-0.95)

    engine = FakeEngine(hear)
    reading, given = await read(engine)
    assert given == " One two"
    assert text(reading) == " One two three."  # nobody takes that for silence any more
    assert prefixes(engine) == ["", " One two"]


async def test_of_several_texts_one_is_believed_that_begins_with_what_was_given_out():
    """Greedy decoding was unsure, and is the more probable one all the same."""

    def hear(heard: FakeRow) -> FakeText:
        if heard.job.beam_size == 1:
            return FakeText(" Won too.", avg_logprob=-0.45, told=(" Won too",), told_logprob=-0.45)
        return replace(TOLD, avg_logprob=-0.6)

    engine = FakeEngine(hear)
    reading, given = await read(engine, replace(FULL, decoding="balanced"))
    assert (text(reading), given) == (" One two three.", " One two")
    assert len(engine.heard) == 2


def tokens(reading: Reading) -> list[Token]:
    return [token for segment in reading.segments for token in segment.logprobs or ()]


async def test_log_probabilities_that_were_given_out_stay_where_a_text_is_read_anew():
    def hear(heard: FakeRow) -> FakeText:
        if not heard.prefix:
            loop = replace(LOOP, text=" One two" + LOOP.text, told=(" One two again",))
            return replace(loop, tells_logprobs=True)
        return FakeText(" One two three.", tells_logprobs=True)

    engine = FakeEngine(hear)
    reading, given = await read_along(engine, replace(FULL, logprobs=True))
    assert given.text == " One two"
    assert [token.logprob for token in given.tokens] == [-n / 100 for n in range(1, 9)]
    assert [token.logprob for token in tokens(reading)] == [-n / 100 for n in range(1, 16)]
    assert b"".join(token.raw for token in tokens(reading)).decode() == text(reading)
    assert engine.aligns == []


async def test_log_probabilities_that_were_given_out_stay_where_timestamps_change():
    """The best beam had another one when the words were decided."""

    class Moving(FakeEngine):
        async def decode(self, job):
            async for reply in super().decode(job):
                if isinstance(reply, Tokens):
                    reply = msgspec.structs.replace(reply, logprobs=(-0.5,) * len(reply.ids))
                yield reply

    engine = Moving(always(replace(TOLD, tells_logprobs=True)))
    reading, given = await read_along(engine, replace(FULL, logprobs=True))
    assert given.text == " One two"
    assert [token.logprob for token in tokens(reading)] == [
        *[-0.5] * 8,
        *(-n / 100 for n in range(9, 16)),
    ]


@pytest.mark.parametrize("has_logprobs", [False, True])
async def test_another_engine_goes_on_from_what_was_given_out(has_logprobs):
    """The first one dies on the way, and the next hears something else, and tells less."""

    class Dying(FakeEngine):
        async def decode(self, job):
            async for reply in super().decode(job):
                yield reply
                if isinstance(reply, Tokens) and reply.ids == ids(0, " One two thr"):
                    self.die()
                    raise EngineDied("killed")

    def hear(heard: FakeRow) -> FakeText:
        if heard.prefix:
            return FakeText(f"{heard.prefix} tree.")
        told = replace(TOLD, tells_logprobs=True)
        return told if len(engines) == 1 else FakeText(" Won too tree.")

    engines: list[FakeEngine] = []

    async def start() -> FakeEngine:
        engines.append(FakeEngine(hear) if engines else Dying(hear))
        return engines[-1]

    early = EarlyText()
    queue = Queue(start, batch_cost=batch_cost(8))
    await queue.start()
    model = ReadingModel(queue, VOCABULARY, margin_s=10.0)
    with queue.admit() as admission:
        options = replace(FULL, logprobs=has_logprobs)
        reader = Reader(model, admission, Priority.SHORT, options)
        reading = await reader.read(window(seconds=10.0), english, early)
    await queue.close()
    if has_logprobs:
        expected = [*(-n / 100 for n in range(1, 9)), *[math.log(0.5)] * 6]
        assert [token.logprob for token in tokens(reading)] == expected
    assert early.given.text == " One two"
    assert text(reading) == " One two tree."
    assert prefixes(engines[1]) == ["", " One two"]
    assert engines[1].kept == {}


@pytest.mark.parametrize("has_logprobs", [False, True])
@pytest.mark.parametrize(
    ("window_s", "rest"),
    [
        pytest.param(10.0, (0, " One. Two"), id="in the same states"),
        pytest.param(13.0, (6, " Two"), id="by itself"),
    ],
)
async def test_the_rest_of_a_window_is_read_behind_what_was_given_out_of_it(
    has_logprobs, window_s, rest
):
    """The model began a sentence and did not end it, so it is heard again with what follows."""

    def hear(heard: FakeRow) -> FakeText:
        if heard.start_s == 0 and not heard.prefix:
            told = (" One. Two th",)
            return FakeText(" One. Two th", told=told, end_s=3.0, tells_logprobs=has_logprobs)
        return FakeText(f"{heard.prefix} three.", tells_logprobs=has_logprobs)

    class Unfinished(FakeEngine):
        async def decode(self, job):
            async for reply in super().decode(job):
                if not isinstance(reply, Tokens) and not job.rows[0].prefix:
                    said = ids(0, " One.", 600, 600, " Two th")
                    reply = replace_ids(reply, said)
                elif isinstance(reply, Tokens):
                    reply = replace_ids(reply, ids(0, " One.", 600, 600, " Two th"))
                yield reply

    engine = Unfinished(hear)
    options = replace(FULL, logprobs=has_logprobs)
    reading, given = await read_along(engine, options, window(seconds=window_s))
    assert given.text == " One. Two"
    assert [each.text for each in reading.segments] == [" One.", " Two three."]
    assert [(each.start_s, each.prefix) for each in engine.heard] == [(0, ""), rest]
    assert tokens(reading)[: len(given.tokens)] == list(given.tokens)
    said = b"".join(token.raw for token in tokens(reading)).decode()
    assert said == (" One. Two three." if has_logprobs else "")


def replace_ids(reply, said):
    logprobs = tuple(-n / 100 for n in range(len(said))) if reply.logprobs else ()
    return msgspec.structs.replace(reply, ids=said, logprobs=logprobs)


async def test_a_window_whose_text_was_begun_is_not_read_in_halves():
    def hear(heard: FakeRow) -> FakeText:
        return FakeText(" One two.", told=(" One two",) if heard.start_s == 0 else ())

    pcm = window(seconds=20.0).pcm
    speech = ((0.0, 9.0), (11.0, 20.0))
    for told, n_read in ((True, 1), (False, 3)):
        engine = FakeEngine(hear if told else lambda heard: FakeText(" One two."))
        await read(engine, what=Window(0, 0.0, np.array(pcm), speech))
        assert len(engine.heard) == n_read
