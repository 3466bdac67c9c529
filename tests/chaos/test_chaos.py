"""A server in which engines and decoders die at random, with clients that come as they like: each
gets the answer it gets alone, and nothing is left of any. `make soak` does so by the thousand."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.audio_files import SAMPLES, read_wav
from tests.chaos.population import Clip, Population
from tests.chaos.stub import StubRuntime
from tests.faults.churn import held
from tests.server.conftest import Served, serving, settings
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts through /proc")

SPEECH = read_wav(SAMPLES / "jfk.wav")
N_VISITS = 40
AT_A_TIME = 12
KILL_EVERY = 6


@contextlib.asynccontextmanager
async def stubbed(folder: Path) -> AsyncIterator[tuple[Served, StubRuntime]]:
    given = settings(max_upload_mb=8, device="cpu", data_dir=folder)
    runtime = StubRuntime(given, folder)
    fake: Any = runtime  # `serving` is written for the fake; this one has all it needs
    async with serving(fake) as served:
        await runtime.settled()
        assert runtime.state == "ready", runtime.failure
        yield served, runtime


def hurt_decoder(runtime: StubRuntime) -> None:
    """End one that is in use, if any is."""
    for each in list(runtime._decoders._lent)[:1]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGKILL)


async def test_whoever_comes_is_answered_and_nothing_is_left(tmp_path: Path):
    rng = random.Random(5)
    clips = [Clip(SPEECH[:35_000]), Clip(SPEECH[124_800:])]
    async with stubbed(tmp_path) as (served, runtime):
        population = Population(served.url, clips, {"language": "en"})
        await population.listen_alone()
        behaviours = [population.plain, population.streamed, population.live]
        rude = [population.leaving, population.flooding, population.live_leaving]
        gc.collect()
        before, n_tasks = held(os.getpid()), len(asyncio.all_tasks())

        async def hurting() -> None:
            for n in range(KILL_EVERY, N_VISITS - AT_A_TIME, KILL_EVERY):
                await until(lambda n=n: population.outcomes.total() >= n)  # type: ignore[misc]
                if n % (2 * KILL_EVERY):  # by turns: a recording that sees three die is blamed
                    runtime.engines[-1].die()
                else:
                    hurt_decoder(runtime)

        hurts = asyncio.create_task(hurting())
        await population.visits(rng, [*behaviours, *behaviours, *rude], N_VISITS, AT_A_TIME)
        await hurts
        assert population.outcomes.total() == N_VISITS
        assert len(runtime.engines) > 1
        assert {each[each.index(": ") :] for each in population.outcomes} == {": same", ": left"}
        assert await population.plain(clips[0]) == "same"
        await until(lambda: not runtime._decoders._lent)
        await until(lambda: len(asyncio.all_tasks()) <= n_tasks)
        await until(lambda: held(os.getpid()).processes <= before.processes)
        await until(lambda: held(os.getpid()).open_files <= before.open_files)
        await population.aclose()
