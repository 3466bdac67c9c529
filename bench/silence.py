"""Words invented where nobody speaks, and words changed beside it, by kind of sound and length.

Knows nothing about how Auricle tells speech from noise; it is asked over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from auricle.bench.clips import Clip, from_files
from auricle.bench.target import Target
from auricle.types import Pcm
from bench import asking, recordings, server
from bench.figures import Figures, Table
from bench.noises import KINDS, sound
from bench.setup import SAMPLE, Setup

MODELS = ("base", "tiny.en")
LENGTHS_S = (1, 3, 10, 29, 60, 600)
AROUND_S = (1, 5, 20, 60, 600)
UNGATED_S = (1, 3, 10, 29)
"""Lengths tried with ``vad=false``: there only the model's own doubts are left."""

Sounds = Mapping[tuple[str, int], Clip]
"""Recordings by kind of sound and its length."""


def run(setup: Setup) -> Figures:
    speech = recordings.read(SAMPLE).astype(np.float32) / np.float32(32768)
    alone = {
        (kind, s): _clip(setup.scratch / f"{kind} {s}.wav", sound(kind, s))
        for kind in KINDS
        for s in LENGTHS_S
    }
    around = {
        (kind, s): _clip(
            setup.scratch / f"around {kind} {s}.wav", sound(kind, s, 1), speech, sound(kind, s, 2)
        )
        for kind in KINDS
        for s in AROUND_S
    }
    short = {key: clip for key, clip in alone.items() if key[1] in UNGATED_S}
    found = {}
    for model in MODELS:
        with server.auricle(model) as running:
            gated = Target(running.url, fields=setup.fields)
            ungated = Target(running.url, fields=(*setup.fields, ("vad", "false")))
            [plain] = asking.texts(gated, from_files([SAMPLE]))
            found[f"{model}, alone"] = _changed("", gated, alone)
            found[f"{model}, alone, vad=false"] = _changed("", ungated, short)
            found[f"{model}, beside speech"] = _changed(plain, gated, around)
    rows = [(kind, *(_cell(column, kind) for column in found.values())) for kind in KINDS]
    caption = (
        f"Words too many, missing or heard otherwise. Alone {_listed(LENGTHS_S)} s, with vad=false "
        f"{_listed(UNGATED_S)} s, {_listed(AROUND_S)} s before and after speech; sums over them:"
    )
    data = {
        name: {f"{kind} {s} s": n for (kind, s), n in column.items()}
        for name, column in found.items()
    }
    return Figures([Table(caption, ("sound", *found), rows)], data)


def _changed(expected: str, target: Target, sounds: Sounds) -> dict[tuple[str, int], int]:
    """Words that are not as in the text without the sound."""
    texts = asking.texts(target, list(sounds.values()))
    return {
        key: Levenshtein.distance(_words(expected), _words(text))
        for key, text in zip(sounds, texts, strict=True)
    }


def _words(text: str) -> list[str]:
    """Whatever stands between spaces: a normaliser would drop "[Music]" and "hmm"."""
    return [word.strip(".,?!") for word in text.lower().split()]


def _clip(path: Path, *parts: Pcm) -> Clip:
    samples = np.clip(np.concatenate(parts), -1, 1) * 32767
    recordings.write_wav(path, samples.astype(np.int16))
    return from_files([path])[0]


def _cell(column: Mapping[tuple[str, int], int], kind: str) -> str:
    return str(sum(n for (each, _), n in column.items() if each == kind))


def _listed(lengths: Sequence[int]) -> str:
    return ", ".join(map(str, lengths))
