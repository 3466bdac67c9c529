"""Ends of turns are predicted in a process of its own; its death is told and harms nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from auricle.errors import ModelUnusable
from auricle.turn_taking.process import TurnProcess, TurnProcessDied
from tests.audio_files import SAMPLES, read_wav
from tests.turn_taking import folders

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="no such signals on Windows")

JFK = read_wav(SAMPLES / "jfk.wav")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process() -> AsyncIterator[TurnProcess]:
    process = await TurnProcess.start(folders.folder())
    yield process
    await process.close()


async def test_pauses_of_several_streams(process):
    found = await asyncio.gather(
        process.end_probability(JFK), process.end_probability(JFK[: 5 * 16_000])
    )
    assert list(found) == [pytest.approx(0.9451, abs=2e-3), pytest.approx(0.0662, abs=2e-3)]


async def test_whoever_leaves_does_not_stop_others(process):
    leaving = asyncio.create_task(process.end_probability(JFK))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await process.end_probability(JFK.astype(np.float64)) > 0.9


async def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(ModelUnusable, match="cannot read"):
        await TurnProcess.start(tmp_path)


@SIGNALS
async def test_its_death_is_told_to_whoever_waits():
    process = await TurnProcess.start(folders.folder())
    waiting = asyncio.create_task(process.end_probability(JFK))
    await asyncio.sleep(0)
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(TurnProcessDied, match=r"turn process ended \(killed by SIGKILL\)"):
        await waiting
    assert not process.alive
    with pytest.raises(TurnProcessDied, match="is not running"):
        await process.end_probability(JFK)
    await process.close()


@SIGNALS
async def test_one_that_takes_too_long_is_ended():
    process = await TurnProcess.start(folders.folder())
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(TurnProcessDied, match=r"took more than 0\.01 s"):
        await process.end_probability(JFK, max_s=0.01)
    assert not process.alive
    await process.close()
