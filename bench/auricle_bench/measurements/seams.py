"""What a long recording loses or repeats against its parts: clips joined with random pauses.

Knows nothing about windows; the joined recording and the clips are transcribed over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auricle.types import SAMPLE_RATE
from auricle_bench.accuracy import changes, score, units
from auricle_bench.clips import Clip, from_files, shuffled
from auricle_bench.measurements import asking, recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import Setup, every
from auricle_bench.target import Target

MODELS = ("base", "tiny.en")
LENGTH_S = 3600.0
PAUSES_S = (0.4, 4.0)
LONGEST_CLIP_S = 28.0
SEED = 7
WANTED_PER_1000 = 5
RUN = 3
"""So many words missing or too many in one place are lost or repeated, not misheard."""

Place = tuple[str, str]
"""What was said and what was heard in one place."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one model made of the clips, in their order, and of all of them in one recording."""

    model: str
    pairs: Sequence[Place]
    joined: str


def run(setup: Setup) -> Figures:
    fit = [clip for clip in setup.speech() if clip.text and clip.duration_s < LONGEST_CLIP_S]
    clips = every(fit, setup.n_clips)
    path = setup.scratch / "joined.wav"
    order = _join(clips, 0.0 if setup.quick else LENGTH_S, path)
    [recording] = from_files([path])
    reads = []
    for model in MODELS:
        with server.auricle(model) as running:
            target = Target(running.url, fields=(*setup.fields, ("language", "en")))
            alone = dict(zip(clips, asking.texts(target, clips), strict=True))
            [joined] = asking.texts(target, [recording])
        reads.append(Read(model, [(clip.text or "", alone[clip]) for clip in order], joined))
    caption = (
        f"{len(order)} clips ({len(clips)} different ones) with pauses, "
        f"{recording.duration_s / 60:.0f} min"
    )
    return figures_of(caption, reads)


def figures_of(caption: str, reads: Sequence[Read]) -> Figures:
    """Errors alone and joined, model by model, and the places where more than a word differs."""
    said = " ".join(text for text, _ in reads[0].pairs)
    n_words = len(units(said, "en"))
    rows, lines, data = [], [], {}
    for read in reads:
        n_alone = sum(score(*pair, "en").n_errors for pair in read.pairs)
        n_joined = score(said, read.joined, "en").n_errors
        worse = 1000 * (n_joined - n_alone) / n_words
        alone = [place for pair in read.pairs for place in places(*pair)]
        found = places(said, read.joined)
        rows += [
            (read.model, "one by one", str(n_alone), "", *_counts(alone)),
            (read.model, "joined", str(n_joined), f"**{worse:+.1f}**", *_counts(found)),
        ]
        lines += [(read.model, *each, "yes" if each in alone else "no") for each in found]
        data[read.model] = {
            "n_errors_alone": n_alone,
            "n_errors_joined": n_joined,
            "places_alone": alone,
            "places_joined": found,
        }
    rows.append(("wanted, at most", "", "", f"+{WANTED_PER_1000}", "", ""))
    missing = f"places where {RUN} words or more are missing"
    header = ("model", "", "errors", "more in 1000 words", missing, "are too many")
    table = Table(f"{caption}, {n_words} words:", header, rows)
    listed = Table("These places when joined:", ("model", "said", "heard", "alone, too"), lines)
    return Figures([table, *([listed] if lines else [])], {"n_words": n_words, **data})


def places(reference: str, hypothesis: str) -> list[Place]:
    """Where at least `RUN` words in a row are missing or too many."""
    expected, got = units(reference, "en"), units(hypothesis, "en")
    return [
        (" ".join(expected[said_first:said_last]), " ".join(got[heard_first:heard_last]))
        for _, said_first, said_last, heard_first, heard_last in changes(expected, got)
        if abs((said_last - said_first) - (heard_last - heard_first)) >= RUN
    ]


def _counts(found: Sequence[Place]) -> tuple[str, str]:
    n_missing = sum(len(said.split()) > len(heard.split()) for said, heard in found)
    return str(n_missing), str(len(found) - n_missing)


def _join(clips: Sequence[Clip], length_s: float, path: Path) -> list[Clip]:
    """Write clips into one recording, each once in random order, then again in another, until it
    is long enough; in which order they are."""
    rng = np.random.default_rng(SEED)
    samples = {clip: recordings.read(clip.path) for clip in clips}
    order: list[Clip] = []
    parts: list[recordings.Samples] = []
    missing = round(length_s * SAMPLE_RATE)
    for clip in shuffled(clips, SEED):
        if missing <= 0 and len(order) >= len(clips):
            break
        pause = np.zeros(round(rng.uniform(*PAUSES_S) * SAMPLE_RATE), np.int16)
        parts += [samples[clip], pause]
        missing -= len(samples[clip]) + len(pause)
        order.append(clip)
    recordings.write_wav(path, np.concatenate(parts))
    return order
