"""Engines and decoders that are killed or freeze under load: whoever was admitted is answered."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import numpy as np
import pytest

from auricle.engine.protocol import DecodeJob, EncodeJob
from auricle.types import SAMPLE_RATE
from tests.audio_files import wav
from tests.faults.conftest import CLIP, PATH, SPEECH, Target
from tests.waiting import until

pytestmark = [
    pytest.mark.model,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform == "win32", reason="no such signals on Windows"),
]


async def answers(target: Target, *clips: bytes) -> list[str]:
    return await asyncio.gather(*(target.text(clip) for clip in clips))


@pytest.mark.parametrize(
    ("n_clients", "on", "at"),
    [(6, EncodeJob, 1), (6, EncodeJob, 4), (6, DecodeJob, 1), (16, DecodeJob, 2)],
    ids=["first encode", "encoding", "first decode", "decoding, 16 clients"],
)
async def test_a_killed_engine_loses_nothing_of_anybody(target: Target, n_clients, on, at):
    n_engines = target.runtime.n_engines
    target.faults.on, target.faults.at = on, at
    assert await answers(target, *[CLIP] * n_clients) == [target.alone] * n_clients
    assert target.runtime.n_engines == n_engines + 1
    await target.quiet()


async def test_a_frozen_engine_is_replaced(target: Target, caplog):
    target.faults.on, target.faults.at, target.faults.send = DecodeJob, 1, signal.SIGSTOP
    assert await answers(target, *[CLIP] * 4) == [target.alone] * 4
    assert "engine process was frozen (killed by SIGKILL)" in caplog.text
    await target.quiet()


async def test_a_poisoned_window_fails_its_own_request_alone(target: Target):
    poisoned = SPEECH[:35_000].copy()
    poisoned[0] = 0.25
    target.faults.poison = 0.25
    doomed = asyncio.create_task(target.post(wav(poisoned), vad_filter="false"))
    others = await answers(target, *[CLIP] * 4)
    answer = await doomed
    assert others == [target.alone] * 4
    assert answer.status_code == 500
    assert answer.headers["x-should-retry"] == "false"
    assert "the engine died 3 times on the audio between 0.00 s and" in answer.text
    await target.quiet()
    target.faults.poison = None
    assert await target.text(CLIP) == target.alone


async def test_a_killed_decoder_costs_its_recording_nothing(target: Target):
    """A window at a time is asked for, so the decoder is still needed while the first is read."""
    words = SPEECH[:35_000]
    clip = wav(np.concatenate([words, np.zeros(30 * SAMPLE_RATE, np.float32), words]))
    undisturbed = await target.text(clip, previous_text="true")
    target.faults.held = DecodeJob
    disturbed = asyncio.create_task(target.text(clip, previous_text="true"))
    await target.faults.is_holding.wait()
    (decoder,) = target.runtime._decoders._lent
    os.kill(decoder.pid, signal.SIGKILL)
    target.faults.gate.set()
    other = await target.text(CLIP)
    assert (await disturbed, other) == (undisturbed, target.alone)
    await target.quiet()


@pytest.mark.parametrize("held", [EncodeJob, DecodeJob], ids=["queued", "decoding"])
async def test_who_leaves_takes_the_windows_along(target: Target, held):
    target.faults.held = held
    leaving = [asyncio.create_task(target.post(wav(np.tile(SPEECH, 40)))) for _ in range(2)]
    await target.faults.is_holding.wait()
    await until(lambda: target.n_windows >= 2)
    for each in leaving:
        each.cancel()
    await target.quiet()  # although their jobs are still held
    target.faults.gate.set()
    assert await target.text(CLIP) == target.alone


async def test_who_leaves_a_stream_takes_the_windows_along(target: Target):
    data = {"model": "whisper-1", "stream": "true", "beam_size": "1"}
    files = {"file": wav(np.tile(SPEECH, 40))}
    async with (
        target.http() as http,
        http.stream("POST", PATH, files=files, data=data) as answer,
    ):
        async for line in answer.aiter_lines():
            assert line == "event: transcript.text.delta"
            assert target.n_windows > 0
            break
    await target.quiet()
