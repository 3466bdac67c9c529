"""One word and three, cut out of sentences: Auricle beside both of faster-whisper's pipelines.

Knows nothing about how any of them reads; all are asked over HTTP. The clips are those of the
corpus whose words have times, set by hand (see `words`), cut where the words begin and end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from auricle.types import SAMPLE_RATE
from auricle_bench.accuracy import units
from auricle_bench.clips import Clip
from auricle_bench.measurements import asking, recordings, server, words
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.server import BATCHED, FASTER, Server
from auricle_bench.measurements.setup import Setup, every
from auricle_bench.measurements.words import Spoken, Timed
from auricle_bench.target import Target

MODELS = ("base", "tiny.en")
LENGTHS = (1, 3)
SEED = 1
MIN_LETTERS = 3
MIN_S = 0.2
"""A single word is at least that long: an "a" alone cannot be told from many another sound."""

MOST_PAUSE_S = 0.1
"""Between words that are cut out together."""

LETTERS_PER_S = 25
"""More than 3 and so many for each second cannot be said."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one side heard in all clips of a length, by what was wrong with it."""

    n_words: int
    model: str
    side: str
    n_clips: int
    n_exact: int
    n_empty: int
    n_twice: int
    """More than twice the words that were said."""
    n_too_long: int
    """What takes longer to say than the recording lasts."""


def run(setup: Setup) -> Figures:
    assert setup.corpus is not None, "the command line asks for it"
    spoken = every(words.timed_clips(setup.corpus), setup.n_clips)
    cut = {n: list(_cut(spoken, n, setup.scratch)) for n in LENGTHS}
    found: list[Heard] = []
    for model in MODELS:
        sides: list[AbstractContextManager[Server]] = [
            server.auricle(model),
            server.peer(model, program=FASTER),
            server.peer(model, program=BATCHED),
        ]
        for side in sides:
            with side as running:
                target = Target(running.url)
                found += [_heard(target, running.name, model, n, cut[n]) for n in LENGTHS]
    ordered = sorted(found, key=lambda each: (each.n_words, MODELS.index(each.model)))
    header = ("said", "model", "", "clips", "exact", "empty", "over twice the words", "too long")
    table = Table("", header, [_row(each) for each in ordered])
    return Figures([table], {"rows": [_data(each) for each in ordered]})


def _cut(spoken: Sequence[Spoken], n_words: int, folder: Path) -> Iterator[Clip]:
    """A run of words out of every clip, as a file of its own."""
    drawn = random.Random(SEED)
    for i, clip in enumerate(spoken):
        runs = [run for run in _runs(clip.words, n_words) if _is_clear(run)]
        if not runs:
            continue
        run = drawn.choice(runs)
        start_s, end_s = run[0][1], run[-1][2]
        path = folder / f"{n_words} words {i:03}.wav"
        samples = recordings.read(clip.path)
        recordings.write_wav(
            path, samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
        )
        said = " ".join(word for word, _, _ in run)
        yield Clip(path, end_s - start_s, clip.language, said)


def _runs(timed: Sequence[Timed], n_words: int) -> Iterator[Sequence[Timed]]:
    for i in range(len(timed) - n_words + 1):
        yield timed[i : i + n_words]


def _is_clear(run: Sequence[Timed]) -> bool:
    """Nothing but words, none of them hardly there, said together."""
    if not all(word.replace("'", "").isalpha() for word, _, _ in run):
        return False
    if any(after[1] - before[2] >= MOST_PAUSE_S for before, after in pairwise(run)):
        return False
    [first, *rest] = run
    return bool(rest) or (len(first[0]) >= MIN_LETTERS and first[2] - first[1] >= MIN_S)


def _heard(target: Target, side: str, model: str, n_words: int, clips: Sequence[Clip]) -> Heard:
    n_exact = n_empty = n_twice = n_too_long = 0
    for clip, text in zip(clips, asking.texts(target, clips), strict=True):
        language = clip.language or "en"
        said, got = units(clip.text or "", language), units(text, language)
        n_exact += said == got
        n_empty += not got
        n_twice += len(got) > 2 * len(said)
        n_too_long += sum(c.isalnum() for c in text) > 3 + LETTERS_PER_S * clip.duration_s
    return Heard(n_words, model, side, len(clips), n_exact, n_empty, n_twice, n_too_long)


def _row(heard: Heard) -> tuple[str, ...]:
    said = "one word" if heard.n_words == 1 else f"{heard.n_words} words"
    counts = (heard.n_clips, heard.n_exact, heard.n_empty, heard.n_twice, heard.n_too_long)
    return (said, heard.model, heard.side, *map(str, counts))


def _data(heard: Heard) -> dict[str, object]:
    return {name: getattr(heard, name) for name in Heard.__slots__}
