"""The parts of the soak in which the system has no more to give: room on the disk, descriptors,
memory. The limits are those of the server's process, set from outside while it runs."""

from __future__ import annotations

import asyncio
import functools
import random
import resource
from pathlib import Path

import httpx2
from websockets.exceptions import WebSocketException

from tests.chaos.phases import Size, clips
from tests.chaos.population import Behaviour, Clip, Population, WrongAnswer
from tests.chaos.server import Running, populated, shown, started

N_VISITS = 60
SCARCE_S = 15.0
LEFT_KIB = 8192


async def disk(folder: Path, size: Size) -> str:
    """No file may grow beyond some kilobytes for a while: as on a full disk."""
    async with started(folder, "stub") as running, _people(running) as people:
        kinds = ("plain", "streamed")
        return await _limited(running, people, size, resource.RLIMIT_FSIZE, 20_000, kinds)


async def files(folder: Path, size: Size) -> str:
    """Nothing more may be opened for a while: no upload, no process, no connection."""
    async with started(folder, "stub") as running, _people(running) as people:
        n_open = (await running.held())["open_files"]
        return await _limited(running, people, size, resource.RLIMIT_NOFILE, n_open + 6)


async def memory(folder: Path, size: Size) -> str:
    """Hardly more memory for the server for a while: connections may break, too, as nothing can be
    received without any."""
    async with started(folder, "stub") as running, _people(running) as people:
        taken = _virtual_kib(running.pid)
        return await _limited(running, people, size, resource.RLIMIT_AS, (taken + LEFT_KIB) * 1024)


def _virtual_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmSize" in line)


def _people(running: Running):
    return populated(running, clips(), live=True)


async def _limited(
    running: Running,
    people: Population,
    size: Size,
    limit: int,
    to: int,
    names: tuple[str, ...] = ("plain", "streamed", "live"),
) -> str:
    """Ask while the limit holds, and after it: what is answered then must be as before."""
    rng = random.Random(size.seed)
    before = await running.held()
    usual, hard = resource.prlimit(running.pid, limit)
    behaviours: list[Behaviour] = [getattr(people, name) for name in names]
    if limit == resource.RLIMIT_AS:
        behaviours = [_may_break(each) for each in behaviours]
    resource.prlimit(running.pid, limit, (to, hard))
    visiting = asyncio.create_task(people.visits(rng, behaviours, N_VISITS, 6))
    try:
        await asyncio.wait({visiting}, timeout=SCARCE_S)  # connections may have to wait
    finally:
        resource.prlimit(running.pid, limit, (usual, hard))
    await visiting
    scarce = shown(people.outcomes)
    people.outcomes.clear()
    await people.visits(rng, behaviours, N_VISITS, 6)
    if any(not each.endswith(": same") for each in people.outcomes):
        raise WrongAnswer(f"it does not recover: {shown(people.outcomes)}")
    await running.nothing_left(before)
    await running.stop()
    return f"while scarce {scarce}; then {shown(people.outcomes)}"


def _may_break(behave: Behaviour) -> Behaviour:
    @functools.wraps(behave)
    async def behaving(clip: Clip) -> str:
        try:
            return await behave(clip)
        except (httpx2.TransportError, WebSocketException, OSError):
            return "broken"

    return behaving
