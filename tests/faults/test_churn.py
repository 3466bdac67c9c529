"""Many clients that come and leave as they like: afterwards nothing of them is left."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys

import pytest

from tests.audio_files import SAMPLES
from tests.faults.churn import Behave, Clients, held, recordings
from tests.faults.churn_sockets import sockets
from tests.faults.conftest import Target
from tests.waiting import until

pytestmark = [
    pytest.mark.model,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform != "linux", reason="counts through /proc"),
]

AT_A_TIME = 15


@pytest.mark.parametrize(("behave", "n_visits"), [(recordings, 30), (sockets, 30)])
async def test_nothing_is_left_of_clients_that_leave(target: Target, behave: Behave, n_visits: int):
    clip = (SAMPLES / "jfk.wav").read_bytes()[:100_000]
    clients = Clients(target.address, random.Random(7), clip, behave)
    alone = await target.text(clip)
    await target.quiet()
    before, n_tasks = held(os.getpid()), len(asyncio.all_tasks())

    turns = asyncio.Semaphore(AT_A_TIME)

    async def one() -> None:
        async with turns:
            await clients.visit()

    await asyncio.gather(*(one() for _ in range(n_visits)))
    assert await target.text(clip) == alone
    await target.quiet()
    gc.collect()
    await until(lambda: len(asyncio.all_tasks()) <= n_tasks)
    await until(lambda: held(os.getpid()).processes <= before.processes)
    await until(lambda: held(os.getpid()).open_files <= before.open_files)
    assert clients.outcomes.total() == n_visits
    statuses = {name[-3:] for name in clients.outcomes if name.startswith("stayed")}
    assert statuses <= {"200", "429"}
