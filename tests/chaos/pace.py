"""Whether a server is as quick after many requests as before them.

Knows nothing about what the requests do. Processor time counts, which other work on the machine
hardly changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import random
from pathlib import Path

from tests.chaos.phases import ROOM, SPEECH, Size, clips
from tests.chaos.population import Clip, Population, WrongAnswer
from tests.chaos.server import Running, populated, shown, started
from tests.faults.churn import PROC, children

SHARE = 20
"""One request of so many that `Size` has, as these are read by real weights."""

N_TOGETHER = 8
TURNS = 3
SLOWER = 1.15
"""How much longer the same may take afterwards: what the figure differs by on a busy machine."""

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


async def pace(folder: Path, size: Size) -> str:
    """Real weights; after so many requests of every kind the same recordings take as long."""
    rng = random.Random(size.seed)
    engine = "openvino" if importlib.util.find_spec("openvino") else "ctranslate2"
    async with (
        started(folder, "tiny.en", engine=engine, **ROOM) as running,
        populated(running, [*clips(), Clip(SPEECH)], live=True) as people,
    ):
        before_s, held = await _taken_s(running, people), await running.held()
        behaviours = [people.plain, people.streamed, people.detailed, people.live, people.leaving]
        await people.visits(rng, behaviours, size.requests // SHARE, 12)
        after_s = await _taken_s(running, people)
        if after_s > SLOWER * before_s:
            raise WrongAnswer(f"{after_s:.2f} s of processor time instead of {before_s:.2f}")
        after = await running.nothing_left(held)
    taken = f"{N_TOGETHER} recordings in {before_s:.2f} s of processor time, then {after_s:.2f}"
    kept = f"before {shown(held)}, after {shown(after)}"
    return f"{engine}: {taken}; {shown(people.outcomes)}; {kept}"


async def _taken_s(running: Running, people: Population) -> float:
    """Processor time of several recordings at once, the least of some turns."""
    turns: list[float] = []
    for _ in range(TURNS):
        began_s = _processor_s(running.pid)
        await asyncio.gather(*(people.plain(people._clips[-1]) for _ in range(N_TOGETHER)))
        turns.append(_processor_s(running.pid) - began_s)
    return min(turns)


def _processor_s(pid: int) -> float:
    """Of a process and all below it, those that have ended included."""
    ticks = 0
    for each in (pid, *children(pid)):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            behind_name = (PROC / str(each) / "stat").read_text().rpartition(")")[2]
            ticks += sum(map(int, behind_name.split()[11:15]))
    return ticks / TICKS_PER_S
