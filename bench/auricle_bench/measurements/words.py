"""When words are spoken: Auricle beside its peers, against times that are known.

Knows nothing about how any of them finds words; all are asked over HTTP, one clip after the other.

The clips are those of the corpus whose line in ``refs.jsonl`` has ``words``: a list of
``[word, start, end]``, set by hand. They are also joined in pairs, with pauses of other lengths
before, between and behind, in near silence and in noise, where attention alone says little. To
these come sentences of a synthesiser, which says itself when it speaks a word.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import numpy as np

from auricle.types import SAMPLE_RATE
from auricle_bench.measurements import recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.server import FASTER, OPENAI, Server
from auricle_bench.measurements.setup import Setup, every

MODELS = ("base", "tiny.en")
WANTED_S = (0.060, 0.200)
"""Median and 95th percentile, for base."""

NOISES = {"joined, 45 dB above noise": 45.0, "joined, 12 dB above noise": 12.0}
PAUSES_S = (0.5, 2.5)
PEAK = 0.5
TAIL_S = 0.5
SEED = 3
TIMEOUT_S = 120.0

Timed = tuple[str, float, float]
"""A word, when it starts and when it ends."""


class _Row(msgspec.Struct, frozen=True):
    """A line of ``refs.jsonl``; other keys are ignored."""

    file: str
    language: str
    words: tuple[Timed, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording and the words in it."""

    path: Path
    language: str
    words: Sequence[Timed]


@dataclass(frozen=True, slots=True)
class Errors:
    """How far found words are from said ones, in seconds; one value for each matched word."""

    clips: str
    model: str
    side: str
    n_said: int
    starts: Sequence[float]
    ends: Sequence[float]


def run(setup: Setup) -> Figures:
    assert setup.corpus is not None, "the command line asks for it"
    clips = every(timed_clips(setup.corpus), setup.n_clips)
    if not clips:
        raise SystemExit(f"no line of {setup.corpus}/refs.jsonl has words with times")
    sets = {"as recorded": clips}
    for name, snr_db in NOISES.items():
        sets[name] = list(_joined(clips, snr_db, setup.scratch))
    sets["synthetic"] = _synthetic(setup.scratch)
    found = [errors for model in MODELS for errors in _of_model(model, sets)]
    data = {"rows": [_data(each) for each in found]}
    return Figures([_table(found)], data, server.absent())


def timed_clips(folder: Path) -> list[Spoken]:
    lines = (folder / "refs.jsonl").read_bytes().splitlines()
    rows = [msgspec.json.decode(line, type=_Row) for line in lines if line.strip()]
    return [Spoken(folder / row.file, row.language, row.words) for row in rows if row.words]


def _joined(clips: Sequence[Spoken], snr_db: float, folder: Path) -> Iterator[Spoken]:
    """Clips of one language in pairs, with pauses, and noise that much weaker than the speech."""
    random = np.random.default_rng(SEED)
    for i, (one, other) in enumerate(pairwise(clips)):
        if i % 2 or one.language != other.language:
            continue
        parts: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        words: list[Timed] = []
        for clip in (one, other):
            parts.append(np.zeros(round(random.uniform(*PAUSES_S) * SAMPLE_RATE)))
            at_s = sum(map(len, parts)) / SAMPLE_RATE
            words += [(word, start + at_s, end + at_s) for word, start, end in clip.words]
            samples = recordings.read(clip.path) / 32768
            parts.append(samples * (PEAK / np.abs(samples).max()))
        parts.append(np.zeros(round(TAIL_S * SAMPLE_RATE)))
        pcm = np.concatenate(parts)
        power = np.percentile(np.convolve(pcm**2, np.full(1600, 1 / 1600), "same"), 90)
        pcm += random.normal(0, np.sqrt(power / 10 ** (snr_db / 10)), len(pcm))
        path = folder / f"{snr_db:.0f}-{i:03}.wav"
        recordings.write_wav(path, np.asarray(np.clip(pcm, -1, 1) * 32767, np.int16))
        yield Spoken(path, one.language, words)


def _synthetic(folder: Path) -> list[Spoken]:
    """The sentences of `synthetic`, in a process of its own: its library stays there."""
    subprocess.run(
        [sys.executable, "-m", "auricle_bench.measurements.synthetic", str(folder)], check=True
    )
    return timed_clips(folder)


def _of_model(model: str, sets: Mapping[str, Sequence[Spoken]]) -> list[Errors]:
    """All sides on one set of clips, then on the next."""
    peers = [server.peer(model, program=peer) for peer in (FASTER, OPENAI) if peer.python]
    found = []
    for starting in (server.auricle(model), *peers):
        with starting as running:
            found.append([_measured(running, model, *named) for named in sets.items()])
    return [errors for sides in zip(*found, strict=True) for errors in sides]


def _measured(running: Server, model: str, name: str, clips: Sequence[Spoken]) -> Errors:
    starts: list[float] = []
    ends: list[float] = []
    with httpx2.Client(base_url=running.url, timeout=TIMEOUT_S) as client:
        known = [clip for clip in clips if clip.language == "en" or not model.endswith(".en")]
        for clip in known:
            for word, found in matched(clip.words, _hypothesis(client, model, clip)):
                starts.append(found[1] - word[1])
                ends.append(found[2] - word[2])
    return Errors(name, model, running.name, sum(len(c.words) for c in known), starts, ends)


def _hypothesis(client: httpx2.Client, model: str, clip: Spoken) -> list[Timed]:
    answer = client.post(
        "/v1/audio/transcriptions",
        files={"file": (clip.path.name, clip.path.read_bytes())},
        data={
            "model": model,
            "language": clip.language,
            "response_format": "verbose_json",
            "timestamp_granularities[]": "word",
        },
    )
    if answer.status_code != 200:
        raise SystemExit(f"{clip.path.name}: {answer.text}")
    return [(word["word"], word["start"], word["end"]) for word in answer.json()["words"]]


def matched(reference: Iterable[Timed], hypothesis: Iterable[Timed]) -> list[tuple[Timed, Timed]]:
    """The words of the reference that the hypothesis has, in order, with their places in both."""
    one, other = list(reference), list(hypothesis)
    first, second = (
        [re.sub(r"[^\w']", "", word.lower()) for word, _, _ in side] for side in (one, other)
    )
    blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return [(one[b.a + i], other[b.b + i]) for b in blocks for i in range(b.size)]


def _table(found: Sequence[Errors]) -> Table:
    header = (
        "clips",
        "model",
        "",
        "words heard",
        "start: median",
        "95 %",
        "bias",
        "end: median",
        "95 %",
        "bias",
    )
    median, most = (f"{limit * 1000:.0f} ms" for limit in WANTED_S)
    wanted = ("wanted, at most", "base", "", "", median, most, "", median, most, "")
    return Table("", header, [*(_cells(each) for each in found), wanted])


def _cells(errors: Errors) -> tuple[str, ...]:
    return (
        errors.clips,
        errors.model,
        errors.side,
        f"{len(errors.starts)} of {errors.n_said}",
        *_shown(errors.starts),
        *_shown(errors.ends),
    )


def _shown(errors_s: Sequence[float]) -> tuple[str, str, str]:
    """Median and 95th percentile of the error's size, and the median of the signed error."""
    size = np.abs(errors_s)
    values = np.median(size), np.percentile(size, 95), np.median(errors_s)
    return f"{values[0] * 1000:.0f} ms", f"{values[1] * 1000:.0f} ms", f"{values[2] * 1000:+.0f} ms"


def _data(errors: Errors) -> dict[str, Any]:
    return {
        "clips": errors.clips,
        "model": errors.model,
        "side": errors.side,
        "n_said": errors.n_said,
        "start_errors_ms": [round(each * 1000) for each in errors.starts],
        "end_errors_ms": [round(each * 1000) for each in errors.ends],
    }
