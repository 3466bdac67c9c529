"""A model says whether a speaker who pauses has finished, and turns end by that."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.errors import InvalidRequest
from auricle.live.effects import TurnEnded
from auricle.live.end_of_turn import MAX_WAITING, EndOfTurnHost
from auricle.live.options import LiveOptions
from auricle.live.turns import TurnOptions
from auricle.models.fetch import FetchOptions
from auricle.settings.config import Settings
from auricle.turn_taking.process import TurnProcess
from auricle.types import DecodeOptions, Pcm
from tests.audio_files import SAMPLES, read_wav
from tests.fakes import ramp
from tests.live.streams import Streams, finals, rest_of, speak
from tests.waiting import until

WORDS = (("ask", 1.0), ("not", 1.6), ("what", 4.0))
TURNS = ((0.5, 1.7), (3.0, 4.1))
"""Somebody speaks, pauses for 1.3 s, and speaks again."""

SEMANTIC = LiveOptions(TurnOptions(ending="semantic", max_wait_s=3.0), language="en")


async def test_a_speaker_who_has_finished_is_not_waited_for():
    async with Streams(WORDS, *TURNS) as streams, streams.opened(SEMANTIC) as stream:
        streams.end_of_turn.answers = [0.9, 0.8]
        await speak(stream, 0.0, 6.0)
        effects = await rest_of(stream)
        assert finals(effects) == [(1, " ask not"), (2, " what")]
        ends_s = [effect.end_s for effect in effects if isinstance(effect, TurnEnded)]
        assert ends_s == [pytest.approx(1.9, abs=0.1), pytest.approx(4.3, abs=0.1)]


async def test_one_who_has_not_is_waited_for():
    async with Streams(WORDS, *TURNS) as streams, streams.opened(SEMANTIC) as stream:
        streams.end_of_turn.answers = [0.2, 0.9]
        await speak(stream, 0.0, 6.0)
        assert finals(await rest_of(stream)) == [(1, " ask not what")]


@pytest.mark.parametrize("answer", [0.1, None])
async def test_in_the_end_silence_counts(answer):
    async with Streams(WORDS, *TURNS) as streams, streams.opened(SEMANTIC) as stream:
        streams.end_of_turn.answers = [answer, answer]
        await speak(stream, 0.0, 8.0)
        [ended] = [each for each in await rest_of(stream) if isinstance(each, TurnEnded)]
        assert ended.end_s == pytest.approx(7.1, abs=0.1)


async def test_only_the_turn_is_heard():
    async with Streams(WORDS, *TURNS) as streams, streams.opened(SEMANTIC) as stream:
        streams.end_of_turn.answers = [0.9, 0.9]
        await speak(stream, 0.0, 6.0)
        await rest_of(stream)
        assert streams.end_of_turn.heard_s == pytest.approx([1.7, 1.5], abs=0.2)


async def test_an_answer_that_comes_when_the_speaker_goes_on_is_of_no_use():
    async with Streams(WORDS, *TURNS) as streams, streams.opened(SEMANTIC) as stream:
        streams.end_of_turn.answers = [0.1]
        streams.end_of_turn.gate.clear()
        await stream.send(ramp(0.0, 2.5))
        await until(lambda: streams.end_of_turn.heard_s != [])
        await stream.send(ramp(2.5, 1.5))
        streams.end_of_turn.gate.set()
        await speak(stream, 4.0, 2.0)
        assert len(streams.end_of_turn.heard_s) == 2
        assert finals(await rest_of(stream)) == [(1, " ask not what")]


async def test_where_the_model_is_not_there():
    async with Streams(WORDS) as streams:
        streams.end_of_turn.refusal = InvalidRequest("it is not here")
        with pytest.raises(InvalidRequest, match="it is not here"):
            async with streams.opened(SEMANTIC):
                pass
        async with streams.opened() as stream:
            with pytest.raises(InvalidRequest, match="it is not here"):
                stream.configure(SEMANTIC, DecodeOptions())


async def test_the_refusal_says_what_to_do(tmp_path):
    host = EndOfTurnHost(FetchOptions(cache=tmp_path), fetches=False)
    await host.locate()
    with pytest.raises(InvalidRequest, match="'auricle models download turns'"):
        host.check()
    assert await host.end_probability(read_wav(SAMPLES / "jfk.wav")) is None


async def test_it_may_be_fetched_on_request(tmp_path):
    host = EndOfTurnHost(FetchOptions(cache=tmp_path), fetches=True)
    await host.locate()
    host.check()


class SlowProcess:
    """Predicts nothing until it may."""

    alive = True

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def end_probability(self, pcm: Pcm) -> float:
        await self.gate.wait()
        return 0.5

    async def close(self) -> None:
        pass


@pytest.mark.model
async def test_a_pause_too_many_is_not_looked_at():
    """Each takes a moment of a core: the last of many would have its turn long after it was over,
    and the process be taken for stuck."""
    process: Any = SlowProcess()

    async def start(folder: Path) -> TurnProcess:
        slow: TurnProcess = process
        return slow

    host = EndOfTurnHost(FetchOptions.of(Settings()), fetches=False, start=start)
    pause = np.zeros(16_000, np.float32)
    waiting = [asyncio.create_task(host.end_probability(pause)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    assert await host.end_probability(pause) is None
    process.gate.set()
    assert await asyncio.gather(*waiting) == [0.5] * MAX_WAITING
    assert await host.end_probability(pause) == 0.5


@pytest.mark.model
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals on Windows")
async def test_a_process_that_died_is_started_again():
    host = EndOfTurnHost(FetchOptions.of(Settings()), fetches=False)
    await host.locate()
    host.check()
    pcm = read_wav(SAMPLES / "jfk.wav")
    first = await host.end_probability(pcm)
    assert host._process is not None
    os.kill(host._process.pid, signal.SIGKILL)
    await until(lambda: host._process is not None and not host._process.alive)
    assert await host.end_probability(pcm) == first == pytest.approx(0.9451, abs=2e-3)
    await host.close()
