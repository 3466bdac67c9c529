"""Words invented where nobody speaks, and words lost beside it, by kind of sound and length.

Knows nothing about how Auricle tells speech from noise; it is asked over HTTP.
"""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np

from auricle.bench.accuracy import units
from auricle.bench.clips import Clip, from_files
from auricle.bench.load import Limit, Outcome
from auricle.bench.session import Phase, Plan, measure
from auricle.bench.target import Client, Target
from auricle.types import SAMPLE_RATE, Pcm
from bench import server
from bench.figures import Figures, Table
from bench.noises import KINDS, sound
from bench.setup import SAMPLE, Fields, Setup

LENGTHS_S = (1, 3, 10, 29, 60, 600)
AROUND_S = (1, 5, 20)
UNGATED_S = (1, 3, 10, 29)
"""Lengths tried with ``vad=false``: there only the model's own doubts are left."""

CONCURRENCY = 2


def run(setup: Setup) -> Figures:
    alone = {(kind, s): sound(kind, s) for kind in KINDS for s in LENGTHS_S}
    speech = _pcm(SAMPLE)
    around = {
        (kind, s): np.concatenate([sound(kind, s, 1), speech, sound(kind, s, 2)])
        for kind in KINDS
        for s in AROUND_S
    }
    ungated = {key: pcm for key, pcm in alone.items() if key[1] in UNGATED_S}
    with server.auricle(setup.model) as running:

        def hear(made: dict[tuple[str, int], Pcm], *fields: tuple[str, str]) -> list[str]:
            clips = [_clip(setup.scratch, key, pcm) for key, pcm in made.items()]
            return asyncio.run(_texts(running.url, clips, (*setup.fields, *fields)))

        plain = hear({("speech", 0): speech})[0]
        invented = dict(zip(alone, map(_n_words, hear(alone)), strict=True))
        doubted = dict(zip(ungated, map(_n_words, hear(ungated, ("vad", "false"))), strict=True))
        changed = {
            key: abs(_n_words(text) - _n_words(plain))
            for key, text in zip(around, hear(around), strict=True)
        }
    rows = [
        (
            kind,
            _cell(invented, kind),
            _cell(doubted, kind),
            _cell(changed, kind),
        )
        for kind in KINDS
    ]
    header = ("sound", "words, alone", "words, alone, vad=false", "words changed beside speech")
    caption = (
        f"Alone {', '.join(map(str, LENGTHS_S))} s; with vad=false up to {UNGATED_S[-1]} s; "
        f"{', '.join(map(str, AROUND_S))} s before and after speech. Sums over the lengths:"
    )
    data = {
        name: {f"{kind} {s} s": n for (kind, s), n in found.items()}
        for name, found in (("alone", invented), ("ungated", doubted), ("around", changed))
    }
    return Figures([Table(caption, header, rows)], data)


async def _texts(url: str, clips: list[Clip], fields: Fields) -> list[str]:
    async with Client(Target(url, fields=fields)) as client:
        result = await measure(client, clips, Phase(CONCURRENCY), Plan(Limit(len(clips))))
    failed = [each for each in result.outcomes if not each.is_ok]
    if failed:
        raise SystemExit(f"{url}: {failed[0].clip.path.name}: {failed[0].complaint}")
    return [each.text or "" for each in sorted(result.outcomes, key=lambda o: _place(o, clips))]


def _place(outcome: Outcome, clips: list[Clip]) -> int:
    return clips.index(outcome.clip)


def _clip(folder: Path, key: tuple[str, int], pcm: Pcm) -> Clip:
    path = folder / f"{key[0].replace(' ', '-')}-{key[1]}-{len(pcm)}.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        wav.writeframes((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())
    return from_files([path])[0]


def _pcm(path: Path) -> Pcm:
    with wave.open(str(path)) as wav:
        raw = wav.readframes(wav.getnframes())
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768)


def _n_words(text: str) -> int:
    return len(units(text, "en"))


def _cell(found: dict[tuple[str, int], int], kind: str) -> str:
    return str(sum(n for (each, _), n in found.items() if each == kind))
