"""The parts of the soak: each starts a server, does something to it, and raises what is wrong.

Knows nothing about how they are called.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.audio_files import SAMPLES, read_wav
from tests.chaos.population import Clip, Population, WrongAnswer
from tests.chaos.server import Running, populated, shown, started
from tests.waiting import until

SPEECH = read_wav(SAMPLES / "jfk.wav")
LARGE = {"max_live_sessions": 1000, "max_sockets": 1000, "max_sockets_per_client": 1000}
ROOM = {"max_backlog_s": 3600, "max_uploads_per_client": 200}
RSS_SLACK = 1.25
"""A server may take a quarter more memory after ten times as many requests."""


@dataclass(frozen=True)
class Size:
    """How much is done."""

    requests: int
    sessions: int
    kills: int
    restarts: int
    seed: int


def clips() -> list[Clip]:
    return [Clip(SPEECH[:35_000]), Clip(SPEECH[124_800:]), Clip(SPEECH[60_000:124_800])]


async def kills(folder: Path, size: Size) -> str:
    """Real weights; a child dies with every third answer: engines, decoders, speakers."""
    rng = random.Random(size.seed)
    async with (
        started(folder, "tiny.en", **ROOM) as running,
        populated(running, clips(), live=True, beam_size="1") as people,
    ):
        await people.diarized(people._clips[0])
        before = await running.held()
        killed: Counter[str] = Counter()

        async def hurting() -> None:
            while killed.total() < size.kills:
                n = people.outcomes.total() + 3
                await until(lambda n=n: people.outcomes.total() >= n)  # type: ignore[misc]
                await asyncio.sleep(rng.uniform(0.0, 0.8))  # anywhere in what is done next
                killed[running.hurt(rng)] += 1

        hurt = asyncio.create_task(hurting())
        behaviours = [people.plain, people.plain, people.streamed, people.live, people.diarized]
        while not hurt.done():
            await people.visits(rng, behaviours, 12, 6)
        await hurt
        if await people.plain(people._clips[0]) != "same":
            raise WrongAnswer("afterwards it is busy for nobody")
        return f"killed {shown(killed)}; {await _ended(running, people, before)}"


async def counts(folder: Path, size: Size) -> str:
    """A stub engine; so many requests: the same answers, and no more memory."""
    rng = random.Random(size.seed)
    async with (
        started(folder, "stub", **ROOM) as running,
        populated(running, clips(), live=False) as people,
    ):
        behaviours = [people.plain, people.plain, people.streamed]
        await people.visits(rng, behaviours, size.requests // 10, 24)
        before = await running.held()
        await people.visits(rng, behaviours, size.requests - size.requests // 10, 24)
        return await _ended(running, people, before, most=RSS_SLACK)


async def live(folder: Path, size: Size) -> str:
    """A stub engine; so many live sessions at a time, twice."""
    rng = random.Random(size.seed)
    async with (
        started(folder, "stub", **LARGE) as running,
        populated(running, clips()[:2], live=True) as people,
    ):
        await people.visits(rng, [people.live], size.sessions, size.sessions)
        before = await running.held()
        behaviours = [people.live, people.live, people.live_leaving]
        await people.visits(rng, behaviours, size.sessions, size.sessions)
        return await _ended(running, people, before, most=RSS_SLACK)


async def rude(folder: Path, size: Size) -> str:
    """A stub engine; clients that leave, flood and stall among those that do not."""
    rng = random.Random(size.seed)
    async with (
        started(folder, "stub", **ROOM, **LARGE) as running,
        populated(running, clips(), live=True) as people,
    ):
        before = await running.held()
        behaviours = [
            people.plain,
            people.streamed,
            people.live,
            people.leaving,
            people.flooding,
            people.live_leaving,
        ]
        await people.visits(rng, behaviours, size.requests // 5, 48)
        return await _ended(running, people, before)


async def _ended(
    running: Running, people: Population, before: dict[str, int], most: float = math.inf
) -> str:
    """Stop a server once nothing is left of its clients; what they got, and what it held. Its
    memory may be ``most`` times what it was."""
    after = await running.nothing_left(before)
    if after["server_mib"] > before["server_mib"] * most:
        raise WrongAnswer(f"memory grows: {before['server_mib']} -> {after['server_mib']} MiB")
    await running.stop()
    if bugs := running.bugs():
        raise WrongAnswer(f"the log has bugs: {bugs[:5]}")
    return f"{shown(people.outcomes)}; before {shown(before)}, after {shown(after)}"


def talk() -> np.ndarray:
    """Several windows: what is said, with silence between."""
    silence = np.zeros(2 * 16_000, np.float32)
    parts = (SPEECH[:35_000], SPEECH[124_800:], SPEECH[60_000:124_800]) * 3
    return np.concatenate([each for part in parts for each in (part, silence)])
