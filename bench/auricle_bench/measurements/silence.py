"""Words invented where nobody speaks, and words changed beside it, by kind of sound and length.

Knows nothing about how Auricle tells speech from noise; it is asked over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from auricle.types import Pcm
from auricle_bench.clips import Clip, from_files
from auricle_bench.measurements import asking, recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.noises import KINDS, sound
from auricle_bench.measurements.setup import SAMPLE, Setup
from auricle_bench.target import Target

MODELS = ("base", "tiny.en")
LENGTHS_S = (1, 3, 10, 29, 60, 600)
AROUND_S = (1, 5, 20, 60, 600)
UNGATED_S = (1, 3, 10, 29)
"""Lengths tried with ``vad=false``: there only the model's own doubts are left."""

Key = tuple[str, int]
"""A kind of sound and its length in seconds."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The text of a recording, and how many of its words are not as in that without the sound."""

    text: str
    n_changed: int


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
            found[f"{model}, alone"] = _heard(gated, alone, "")
            found[f"{model}, alone, vad=false"] = _heard(ungated, short, "")
            found[f"{model}, beside speech"] = _heard(gated, around, plain)
    rows = [(kind, *(_cell(column, kind) for column in found.values())) for kind in KINDS]
    caption = (
        f"Words too many, missing or heard otherwise. Alone {_listed(LENGTHS_S)} s, with vad=false "
        f"{_listed(UNGATED_S)} s, {_listed(AROUND_S)} s before and after speech; sums over them:"
    )
    table = Table(caption, ("sound", *found), rows)
    changed = [
        (name, f"{kind} {s} s", heard.text)
        for name, column in found.items()
        for (kind, s), heard in column.items()
        if heard.n_changed
    ]
    listed = Table("Heard otherwise:", ("", "sound", "text"), changed)
    data = {
        name: {f"{kind} {s} s": heard.n_changed for (kind, s), heard in column.items()}
        for name, column in found.items()
    }
    return Figures([table, *([listed] if changed else [])], data)


def _heard(target: Target, sounds: Mapping[Key, Clip], expected: str) -> dict[Key, Heard]:
    texts = asking.texts(target, list(sounds.values()))
    return {
        key: Heard(text, Levenshtein.distance(_words(expected), _words(text)))
        for key, text in zip(sounds, texts, strict=True)
    }


def _words(text: str) -> list[str]:
    """Whatever stands between spaces: a normaliser would drop "[Music]" and "hmm"."""
    return [word.strip(".,?!") for word in text.lower().split()]


def _clip(path: Path, *parts: Pcm) -> Clip:
    samples = np.clip(np.concatenate(parts), -1, 1) * 32767
    recordings.write_wav(path, samples.astype(np.int16))
    return from_files([path])[0]


def _cell(column: Mapping[Key, Heard], kind: str) -> str:
    return str(sum(heard.n_changed for (each, _), heard in column.items() if each == kind))


def _listed(lengths: Sequence[int]) -> str:
    return ", ".join(map(str, lengths))
