"""Streams that are heard together are heard as they are alone."""

from __future__ import annotations

import asyncio
from functools import partial

import numpy as np
import pytest

from auricle.live import vad
from auricle.live.batched_vad import CROWD, GATHER_S, MAX_STREAMS, BatchedVad
from auricle.live.vad import SpeechState
from auricle.speech.vad import SpeechDetector


async def test_each_gets_its_own():
    detection = BatchedVad()
    rng = np.random.default_rng(3)
    sounds = [rng.normal(0, 0.1, 1024).astype(np.float32) for _ in range(10)]
    heard = await asyncio.gather(
        *(detection.probabilities(each, SpeechState.initial()) for each in sounds)
    )
    alone = [
        vad.probabilities(SpeechDetector(), [(each, SpeechState.initial())])[0][0]
        for each in sounds
    ]
    assert np.allclose([found for found, _ in heard], alone, atol=1e-6)
    await detection.close()


class Moment:
    """A moment that lasts until it is let pass."""

    def __init__(self) -> None:
        self.waited_s: list[float] = []
        self._over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        await self._over.wait()

    def let_pass(self) -> None:
        self._over.set()


async def _asked(detection: BatchedVad, n: int) -> list[asyncio.Task[object]]:
    """So many streams whose audio comes one after the other."""
    sound = np.full(1024, 0.01, np.float32)
    tasks: list[asyncio.Task[object]] = []
    for _ in range(n):
        tasks.append(asyncio.create_task(detection.probabilities(sound, SpeechState.initial())))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return tasks


async def test_audio_of_a_crowd_is_gathered_for_a_moment():
    moment = Moment()
    detection = BatchedVad(lambda: CROWD + 1, moment.sleep)
    tasks = await _asked(detection, 3)
    assert moment.waited_s == [GATHER_S]
    assert not any(task.done() for task in tasks)
    moment.let_pass()
    await asyncio.gather(*tasks)
    assert moment.waited_s == [GATHER_S]  # they were heard together
    await detection.close()


async def test_who_is_left_while_audio_is_gathered():
    moment = Moment()
    detection = BatchedVad(lambda: CROWD + 1, moment.sleep)
    [task] = await _asked(detection, 1)
    moment.let_pass()
    await detection.close()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_as_much_as_fits_in_a_call_and_audio_of_few_streams_does_not_wait():
    moment = Moment()
    for n_streams, n_asked in ((CROWD, 3), (100, MAX_STREAMS)):
        detection = BatchedVad(partial(int, n_streams), moment.sleep)
        sound = np.full(1024, 0.01, np.float32)
        asked = (detection.probabilities(sound, SpeechState.initial()) for _ in range(n_asked))
        await asyncio.gather(*asked)
        await detection.close()
    assert moment.waited_s == []


async def test_who_leaves_or_is_left():
    detection = BatchedVad()
    sound = np.zeros(1024, np.float32)
    asked = [
        asyncio.create_task(detection.probabilities(sound, SpeechState.initial()))
        for _ in range(12)
    ]
    await asyncio.sleep(0)
    asked[0].cancel()
    await detection.close()
    for task in asked:
        with pytest.raises(asyncio.CancelledError):
            await task
    await BatchedVad().close()


async def test_a_bug_is_told_to_those_who_wait():
    """Else their streams would wait for ever."""
    detection = BatchedVad()
    with pytest.raises(ValueError, match="dimension"):
        await detection.probabilities(np.zeros((2, 1024), np.float32), SpeechState.initial())
    found, _ = await detection.probabilities(np.zeros(1024, np.float32), SpeechState.initial())
    assert len(found) == 2
    await detection.close()
