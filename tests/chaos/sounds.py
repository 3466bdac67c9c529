"""What is not a conversation: minutes of audio in one event, silence, noise and music.

Knows nothing about how a server reads them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from auricle.types import SAMPLE_RATE, Pcm
from tests.audio_files import JFK_WORDS, check_live, music
from tests.chaos.phases import ROOM, SPEECH, Size
from tests.chaos.population import RATE, Clip, Population, WrongAnswer
from tests.chaos.server import populated, started

EVENT_BYTES = 15 * 2**20 // 4 * 3
"""What 15 MiB of base64 hold, 245 s: the largest event that is taken."""

ROOM_RMS = 3e-4


async def sounds(folder: Path, size: Size) -> str:
    """Real weights; sessions of one event each: all that is said is heard, and nothing else."""
    async with (
        started(folder, "tiny.en", **ROOM) as running,
        populated(running, [], live=True) as people,
    ):
        before = await running.held()
        said = await people.said_at_once(Clip(conversation()))
        check_live(said, " ".join([JFK_WORDS] * 3))
        for name, pcm in nothing(size.seed).items():
            if text := (await people.said_at_once(Clip(pcm))).strip():
                raise WrongAnswer(f"in {name} was heard: {text!r}")
        await half_samples(people)
        await running.nothing_left(before)
        await running.stop()
        if bugs := running.bugs():
            raise WrongAnswer(f"the log has bugs: {bugs[:5]}")
    return f"heard to the last of {len(said.split())} words"


def conversation() -> Pcm:
    """The same speech at the beginning, in the middle and at the very end of a large event."""
    n = EVENT_BYTES // 2 * SAMPLE_RATE // RATE
    pcm = room(n, 1)
    for start in (0, n // 2, n - len(SPEECH)):
        pcm[start : start + len(SPEECH)] += SPEECH
    return pcm


def nothing(seed: int) -> dict[str, Pcm]:
    """In which nobody speaks."""
    return {
        "digital silence": np.zeros(120 * SAMPLE_RATE, np.float32),
        "a quiet room": room(120 * SAMPLE_RATE, seed),
        "noise": room(60 * SAMPLE_RATE, seed) * np.float32(30),
        "music": music(60.0),
    }


async def half_samples(people: Population) -> None:
    """Events that each end within a sample."""
    clip = Clip(SPEECH)
    check_live(await people.said_at_once(clip, chunk_bytes=4801))


def room(n: int, seed: int) -> Pcm:
    noise: Pcm = np.random.default_rng(seed).normal(0.0, ROOM_RMS, n).astype(np.float32)
    return noise
