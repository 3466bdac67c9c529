"""The speaker process: recordings side by side, and what happens when it dies or freezes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from auricle.errors import ModelUnusable
from auricle.speakers.clustering import Bounds
from auricle.speakers.process import SpeakerProcess, SpeakersDied
from tests.speakers import nets
from tests.speakers.test_diarization import BOTH, ENGLISH, SPANISH, diarized

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="package")]

SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="no such signals on Windows")


async def test_recordings_side_by_side_do_not_mix(process):
    first, second = await asyncio.gather(
        diarized(process, ENGLISH[:48_000], 16_000),
        diarized(process, SPANISH, 16_000, Bounds(2, 2)),
    )
    assert {turn.speaker for turn in first.turns} == {0}
    assert {turn.speaker for turn in second.turns} == {0, 1}
    assert first.turns[-1].end_s <= 3.0 < second.turns[-1].end_s <= 5.0


async def test_listening(process):
    heard = await process.listen(BOTH)
    assert list(heard.times_s) == sorted(heard.times_s)
    assert len(heard.times_s) == len(heard.embeddings) >= 2
    assert heard.embeddings[0] @ heard.embeddings[-1] < 0.3


async def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(ModelUnusable, match="cannot read"):
        await SpeakerProcess.start(tmp_path)


@SIGNALS
async def test_its_death_is_told_to_whoever_waits():
    process = await SpeakerProcess.start(nets.folder())
    async with process.recording() as recording:
        feeding = asyncio.create_task(recording.feed(BOTH))
        await asyncio.sleep(0)
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(SpeakersDied, match=r"speaker process ended \(killed by SIGKILL\)"):
            await feeding
    assert not process.alive
    with pytest.raises(SpeakersDied, match="is not running"):
        await process.listen(SPANISH)
    await process.close()


@SIGNALS
async def test_a_frozen_one_is_ended():
    async def quick_sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 50)

    process = await SpeakerProcess.start(nets.folder(), sleep=quick_sleep)
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(SpeakersDied, match="was frozen"):
        await process.listen(SPANISH)
    await process.close()
