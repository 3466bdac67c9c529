"""Live streams on a queue: everything between samples and effects, with a fake engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from auricle.errors import InvalidRequest, ModelUnusable, Overloaded
from auricle.live.effects import Final, TurnEnded, TurnFailed, TurnStarted, Update
from auricle.live.load import LiveLoad
from auricle.live.options import LiveOptions
from auricle.live.recognition import CROWDED_FRAMES_STEP
from auricle.live.transcript import TurnTranscript
from auricle.live.turns import TurnOptions
from auricle.types import DecodeOptions, Language
from tests.fakes import FakeEngine, ramp
from tests.live.streams import Streams, finals, rest_of, speak
from tests.waiting import until

WORDS = (("ask", 0.8), ("not", 1.2), ("what", 1.6), ("your", 2.0), ("country", 2.4))
TURN = (0.5, 2.5)
MANUAL = LiveOptions(turns=TurnOptions(ending="manual"), language="en")


async def test_speech_becomes_words_that_stay():
    async with Streams(WORDS, TURN) as streams, streams.opened() as stream:
        await speak(stream, 0.0, 4.0)
        effects = await rest_of(stream)
        assert stream.now_s == 4.0
        [final] = [each for each in effects if isinstance(each, Final)]
        committed = [w for each in effects if isinstance(each, Update) for w in each.committed]
        assert committed == list(final.words)
        assert [word.text for word in final.words] == [f" {word}" for word, _ in WORDS]
        assert (final.turn, final.language) == (1, Language("en"))
        assert [type(each) for each in effects if isinstance(each, TurnStarted | TurnEnded)] == [
            TurnStarted,
            TurnEnded,
        ]
        [engine] = streams.engines.all
        assert {job.beam_size for job in engine.decodes} == {5}
    assert engine.kept == {}


async def test_where_many_speak_what_is_not_final_costs_less():
    async with Streams(WORDS, TURN) as streams:
        streams.load = LiveLoad(max_sessions=9, clock=lambda: 0.0)
        for other in "abcdefg":
            streams.load.enter(other, streams.queue.n_workers)
        for other in "abcdefg":
            streams.load.speaks(other, is_speaking=True)
            streams.load.note(other, 0.3)
        async with streams.opened() as stream:
            await speak(stream, 0.0, 4.0)
            assert stream._session.is_crowded
            assert finals(await rest_of(stream)) == [(1, " ask not what your country")]
        [engine] = streams.engines.all
    assert {job.n_frames % CROWDED_FRAMES_STEP for job in engine.encodes} == {0}
    *partials, final = engine.decodes
    assert {job.beam_size for job in partials} == {1}
    assert (final.beam_size, final.trims_loops) == (5, False)


async def test_a_stream_that_waits_for_the_engine_reads_what_has_come_meanwhile():
    async with Streams(WORDS, TURN) as streams, streams.opened() as stream:
        places = streams.places
        others = [f"other {i}" for i in range(9)]
        for other in others:
            places.hold(other)
        await speak(stream, 0.0, 2.0)
        [engine] = streams.engines.all
        assert engine.encodes == [], "what is due waits, and takes no audio"
        for other in others:
            places.leave(other, n_places=1)
        await until(lambda: not stream._tasks)
        assert [round(heard.duration_s, 1) for heard in engine.heard] == [2.0]
        await speak(stream, 2.0, 2.0)
        assert finals(await rest_of(stream)) == [(1, " ask not what your country")]


async def test_the_end_of_a_turn_waits_for_nobody():
    async with Streams(WORDS, TURN) as streams, streams.opened() as stream:
        for i in range(9):
            streams.places.hold(i)
        await speak(stream, 0.0, 4.0)
        assert finals(await rest_of(stream)) == [(1, " ask not what your country")]
        [engine] = streams.engines.all
        assert len(engine.decodes) == 1


async def test_the_end_is_not_lost_when_a_stream_ends_within_a_word():
    async with Streams(WORDS, TURN) as streams, streams.opened() as stream:
        await speak(stream, 0.0, 2.44)
        assert finals(await rest_of(stream)) == [(1, " ask not what your country")]


async def test_an_engine_killed_in_a_turn_is_no_loss():
    async with Streams(WORDS, TURN) as streams, streams.opened() as stream:
        await speak(stream, 0.0, 1.5)
        streams.engines.all[0].die()
        await speak(stream, 1.5, 2.0)
        assert finals(await rest_of(stream)) == [(1, " ask not what your country")]
        assert len(streams.engines.all) == 2


async def test_a_turn_that_cannot_be_read_is_told_and_the_session_lives():
    two = (*WORDS, ("again", 6.0))
    async with Streams(two, TURN, (5.5, 6.2)) as streams, streams.opened() as stream:
        streams.engines.failures = [ModelUnusable("torn")] * 1000
        streams.engines.all[0].die()
        told = asyncio.create_task(anext(e async for e in stream if isinstance(e, TurnFailed)))
        await stream.send(ramp(0.0, 4.0))
        failed = await told
        assert (failed.turn, failed.words) == (1, ())
        assert failed.reason == "the engine could not be started: torn"
        streams.engines.failures.clear()
        await speak(stream, 4.0, 3.5)
        assert finals(await rest_of(stream)) == [(2, " again")]


async def test_leaving_takes_everything_out_of_queue_and_engine():
    async with Streams(WORDS, TURN) as streams:
        async with streams.opened() as stream:
            [engine] = streams.engines.all
            engine.gate.clear()
            await stream.send(np.zeros(32_000, np.float32))
            await until(lambda: len(engine.encodes) > 0)
            assert streams.queue.n_windows == 1
        assert (streams.queue.n_windows, len(streams.load)) == (0, 0)
        engine.gate.set()
        await until(lambda: engine.running == 0 and not engine.kept)


async def test_more_than_can_be_read_waits_but_not_for_ever():
    async with Streams(WORDS, (0.0, 60.0)) as streams:
        streams.stall_s = 0.01
        async with streams.opened() as stream:
            [engine] = streams.engines.all
            engine.gate.clear()
            with pytest.raises(Overloaded, match=r"1[0-9] seconds of speech wait to be read"):
                await stream.send(np.zeros(40 * 16_000, np.float32))
            assert stream.now_s <= 15.0
            engine.gate.set()
            await until(lambda: not stream._tasks)
            await stream.send(np.zeros(1600, np.float32))


async def test_nobody_takes_the_effects():
    async with Streams(WORDS) as streams:
        streams.stall_s = 0.01
        async with streams.opened(MANUAL) as stream:
            for _ in range(501):
                await stream.commit()
            with pytest.raises(Overloaded):
                await stream.send(np.zeros(1600, np.float32))


async def test_the_client_ends_turns():
    async with Streams(WORDS, TURN) as streams, streams.opened(MANUAL) as stream:
        await stream.commit()
        await speak(stream, 0.0, 1.5)
        await stream.commit()
        await speak(stream, 1.5, 2.0)
        await stream.commit()
        assert finals(await rest_of(stream)) == [
            (1, ""),
            (2, " ask not"),
            (3, " what your country"),
        ]


async def test_what_is_cleared_is_not_read():
    async with Streams(WORDS, TURN) as streams, streams.opened(MANUAL) as stream:
        await speak(stream, 0.0, 1.4)
        stream.clear()
        await speak(stream, 1.4, 1.6)
        await stream.commit()
        [(_, text)] = finals(await rest_of(stream))
        assert text == " what your country"


async def test_options_change_between_turns():
    async with Streams(WORDS, TURN) as streams, streams.opened(MANUAL) as stream:
        await speak(stream, 0.0, 1.5)
        stream.configure(replace(MANUAL, language="de"), DecodeOptions(decoding="fast"))
        await stream.commit()
        await until(lambda: stream._session.is_idle)
        [engine] = streams.engines.all
        assert {heard.language for heard in engine.heard} == {"en"}
        engine.decodes.clear()
        await speak(stream, 1.5, 1.5)
        effects = await rest_of(stream)
        languages = [each.language for each in effects if isinstance(each, Final)]
        assert languages == [Language("en"), Language("de")]
        assert {job.beam_size for job in engine.decodes} == {1}
        with pytest.raises(InvalidRequest, match="'xx'"):
            stream.configure(MANUAL, DecodeOptions(languages=("xx",)))


async def test_a_language_that_is_not_given_is_detected():
    async with Streams(WORDS, TURN) as streams, streams.opened(LiveOptions()) as stream:
        await speak(stream, 0.0, 4.0)
        [final] = [each for each in await rest_of(stream) if isinstance(each, Final)]
        assert final.language == Language("de", 0.9)
        assert isinstance(streams.engines.all[0], FakeEngine)


async def test_no_more_sessions_than_allowed():
    async with Streams(WORDS) as streams, streams.opened(), streams.opened():
        with pytest.raises(Overloaded, match=r"^2 live sessions .*max_live_sessions"):
            async with streams.opened():
                pass
        assert len(streams.load) == 2


async def test_what_is_kept_free_for_speech_is_given_back():
    """Files wait for a worker only while somebody's words are not read."""
    async with Streams(WORDS, TURN) as streams, streams.opened() as stream:
        speaking = streams.queue._policy.speaking
        await speak(stream, 0.0, 1.5)
        assert len(speaking) == 1
        await speak(stream, 1.5, 2.5)
        await until(lambda: not speaking)
        await speak(stream, 4.0, 0.2)
        stream._session._reader.begin(TurnTranscript(9, 4.0, transcribed_s=4.0))
        stream._reserve()
        assert len(speaking) == 1
    assert not speaking
