"""What a long recording loses or repeats against its parts: clips joined with random pauses.

Knows nothing about windows; the joined recording and the clips are transcribed over HTTP.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np

from auricle.bench.accuracy import score, units
from auricle.bench.clips import Clip, from_files
from auricle.bench.load import Limit
from auricle.bench.session import Phase, Plan, measure
from auricle.bench.target import Client, Target
from auricle.types import SAMPLE_RATE
from bench import recordings, server
from bench.figures import Figures, Table
from bench.setup import Fields, Setup

PAUSES_S = (0.4, 4.0)
LONGEST_CLIP_S = 28.0
CONCURRENCY = 2
SEED = 7
WANTED_PER_1000 = 5


def run(setup: Setup) -> Figures:
    fit = [clip for clip in setup.speech() if clip.text and clip.duration_s < LONGEST_CLIP_S]
    random.Random(SEED).shuffle(fit)
    clips = fit[: setup.n_clips or len(fit)]
    path = setup.scratch / "joined.wav"
    duration_s = _join(clips, path)
    with server.auricle(setup.model) as running:
        fields = (*setup.fields, ("language", "en"))
        alone = asyncio.run(_texts(running.url, clips, fields))
        [joined] = asyncio.run(_texts(running.url, from_files([path]), fields))
    said = [clip.text or "" for clip in clips]
    n_words = sum(len(units(text, "en")) for text in said)
    n_alone = sum(
        score(text, heard, "en").n_errors for text, heard in zip(said, alone, strict=True)
    )
    n_joined = score(" ".join(said), joined, "en").n_errors
    worse = 1000 * (n_joined - n_alone) / n_words
    header = (
        "model",
        "clips",
        "length",
        "words",
        "errors alone",
        "errors joined",
        "per 1000 words",
    )
    row = (
        setup.model,
        str(len(clips)),
        f"{duration_s / 60:.0f} min",
        str(n_words),
        str(n_alone),
        str(n_joined),
        f"{worse:+.1f}",
    )
    wanted = ("wanted, at most", "", "", "", "", "", f"+{WANTED_PER_1000}")
    data = {
        "n_words": n_words,
        "n_errors_alone": n_alone,
        "n_errors_joined": n_joined,
        "duration_s": duration_s,
    }
    return Figures([Table("", header, [row, wanted])], data)


def _join(clips: list[Clip], path: Path) -> float:
    """Write the clips into one recording; how long it is."""
    rng = np.random.default_rng(SEED)
    parts = []
    for clip in clips:
        pause = np.zeros(round(rng.uniform(*PAUSES_S) * SAMPLE_RATE), np.int16)
        parts += [recordings.read(clip.path), pause]
    samples = np.concatenate(parts)
    recordings.write_wav(path, samples)
    return len(samples) / SAMPLE_RATE


async def _texts(url: str, clips: list[Clip], fields: Fields) -> list[str]:
    async with Client(Target(url, fields=fields)) as client:
        result = await measure(client, clips, Phase(CONCURRENCY), Plan(Limit(len(clips))))
    failed = [each for each in result.outcomes if not each.is_ok]
    if failed:
        raise SystemExit(f"{url}: {failed[0].clip.path.name}: {failed[0].complaint}")
    by_path = {each.clip.path: each.text or "" for each in result.outcomes}
    return [by_path[clip.path] for clip in clips]
