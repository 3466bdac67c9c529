"""Streams that are heard together are heard as they are alone."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from auricle.live import vad
from auricle.live.batched_vad import BatchedVad
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
