"""What a long recording loses or repeats against its parts: clips joined with random pauses.

Knows nothing about windows; the joined recording and the clips are transcribed over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auricle.bench.accuracy import changes, score, units
from auricle.bench.clips import Clip, from_files, shuffled
from auricle.bench.target import Target
from auricle.types import SAMPLE_RATE
from bench import asking, recordings, server
from bench.figures import Figures, Table
from bench.setup import Setup, every

LENGTH_S = 3600.0
PAUSES_S = (0.4, 4.0)
LONGEST_CLIP_S = 28.0
SEED = 7
WANTED_PER_1000 = 5
RUN = 3
"""So many words missing or too many in one place are lost or repeated, not misheard."""

Place = tuple[str, str]
"""What was said and what was heard in one place."""


def run(setup: Setup) -> Figures:
    fit = [clip for clip in setup.speech() if clip.text and clip.duration_s < LONGEST_CLIP_S]
    clips = every(fit, setup.n_clips)
    path = setup.scratch / "joined.wav"
    order = _join(clips, 0.0 if setup.quick else LENGTH_S, path)
    [recording] = from_files([path])
    with server.auricle(setup.model) as running:
        target = Target(running.url, fields=(*setup.fields, ("language", "en")))
        alone = dict(zip(clips, asking.texts(target, clips), strict=True))
        [joined] = asking.texts(target, [recording])
    pairs = [(clip.text or "", alone[clip]) for clip in order]
    caption = (
        f"{setup.model}, {len(order)} clips ({len(clips)} different ones) with pauses, "
        f"{recording.duration_s / 60:.0f} min"
    )
    return figures_of(caption, pairs, joined)


def figures_of(caption: str, pairs: Sequence[Place], joined: str) -> Figures:
    """``pairs`` are what each clip says and how it is heard alone, in the order of the recording;
    ``joined`` is how all of it is heard."""
    said = " ".join(text for text, _ in pairs)
    n_words = len(units(said, "en"))
    n_alone = sum(score(*pair, "en").n_errors for pair in pairs)
    n_joined = score(said, joined, "en").n_errors
    worse = 1000 * (n_joined - n_alone) / n_words
    alone = [place for pair in pairs for place in places(*pair)]
    found = places(said, joined)
    rows = [
        ("clips one by one", str(n_alone), *_counts(alone)),
        ("joined", str(n_joined), *_counts(found)),
        ("**more, per 1000 words**", f"**{worse:+.1f}**", "", ""),
        ("wanted, at most", f"+{WANTED_PER_1000}", "", ""),
    ]
    header = ("", "errors", f"places where {RUN} words or more are missing", "are too many")
    table = Table(f"{caption}, {n_words} words:", header, rows)
    lines = [(*place, "yes" if place in alone else "no") for place in found]
    listed = Table("These places when joined:", ("said", "heard", "alone, too"), lines)
    data = {
        "n_words": n_words,
        "n_errors_alone": n_alone,
        "n_errors_joined": n_joined,
        "places_alone": alone,
        "places_joined": found,
    }
    return Figures([table, *([listed] if lines else [])], data)


def places(said: str, heard: str) -> list[Place]:
    """Where at least `RUN` words in a row are missing or too many."""
    expected, got = units(said, "en"), units(heard, "en")
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
