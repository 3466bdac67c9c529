"""Error rates of a data set, by language, and whether two ways of transcribing it really differ.

Knows nothing about how recordings were transcribed or how results are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from auricle_bench import speaker_scores
from auricle_bench.accuracy import score, score_characters
from auricle_bench.clips import Clip
from auricle_bench.speaker_scores import SpeakerScore
from auricle_bench.summary import Rate
from auricle_bench.target import Answer

UNKNOWN = "?"
"""Instead of a language nobody named: such clips get the normaliser for all languages."""

N_RESAMPLES = 2000
_AT_ONCE = 100


class Score(msgspec.Struct, frozen=True):
    """One clip: reference, hypothesis and its errors in the language's own unit."""

    file: str
    language: str
    reference: str
    hypothesis: str
    errors: Rate
    characters: Rate
    speakers: SpeakerScore | None = None
    """Where they were asked for, and the reference names them."""


class Row(msgspec.Struct, frozen=True):
    """The clips of a language, or all that are counted in one unit."""

    group: str
    n_clips: int
    errors: Rate
    characters: Rate


class Run(msgspec.Struct, frozen=True):
    """One way of transcribing a data set, and what became of it."""

    name: str
    n_clips: int
    """Clips of the data set, done or not."""
    scores: tuple[Score, ...]
    failures: dict[str, str]
    """What was answered instead of text, by file."""
    wall_s: float
    audio_s: float
    """Of the clips that were answered."""

    @property
    def real_time_factor(self) -> float:
        """Seconds that a second of audio took; 0 before any is done."""
        return self.wall_s / self.audio_s if self.audio_s else 0.0


class Difference(msgspec.Struct, frozen=True):
    """Two runs on the same clips: rates, and that of the second minus that of the first with its
    95 % interval, from resampling clips."""

    group: str
    n_clips: int
    first: Rate
    second: Rate
    difference: float
    low: float
    high: float
    n_better: int
    """Clips in which the second makes fewer errors."""
    n_worse: int

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def run_of(name: str, clips: Sequence[Clip], answers: Mapping[Clip, Answer], wall_s: float) -> Run:
    """Score what was answered so far."""
    scores, failures, audio_s = [], {}, 0.0
    for clip in clips:
        answer = answers.get(clip)
        if answer is None:
            continue
        if answer.text is None:
            failures[str(clip.path)] = f"{answer.status}: {answer.complaint or 'no answer'}"
            continue
        audio_s += clip.duration_s
        scores.append(score_of(clip, answer.text, answer))
    return Run(name, len(clips), tuple(scores), failures, wall_s, audio_s)


def score_of(clip: Clip, hypothesis: str, answer: Answer | None = None) -> Score:
    """A clip whose text nobody wrote down has no errors in no words."""
    language, reference = clip.language or UNKNOWN, clip.text or ""
    measured = "" if clip.text is None else hypothesis
    return Score(
        file=str(clip.path),
        language=language,
        reference=reference,
        hypothesis=hypothesis,
        errors=score(reference, measured, language),
        characters=score_characters(reference, measured, language),
        speakers=None if answer is None else speaker_scores.score_of(clip, answer, language),
    )


def rows(scores: Iterable[Score]) -> list[Row]:
    """A row for each language, then one for all of them together."""
    return [
        Row(
            group,
            len(members),
            total(score.errors for score in members),
            total(score.characters for score in members),
        )
        for group, members in _groups(scores, lambda score: score)
    ]


def worst(scores: Iterable[Score], n: int) -> list[Score]:
    """The clips with most errors, of those that have any."""
    wrong = [score for score in scores if score.errors.n_errors]
    return sorted(wrong, key=lambda each: (-each.errors.n_errors, -each.errors.rate))[:n]


Pair = tuple[Score, Score]


def pairs(first: Run, second: Run) -> list[Pair]:
    """The clips that both runs answered."""
    others = {score.file: score for score in second.scores}
    return [(score, others[score.file]) for score in first.scores if score.file in others]


def change(pair: Pair) -> int:
    """Errors that the second has more."""
    return pair[1].errors.n_errors - pair[0].errors.n_errors


def compare(both: Iterable[Pair], seed: int = 0) -> list[Difference]:
    """A difference for each language, then one for all of them together."""
    return [
        _difference(group, members, seed) for group, members in _groups(both, lambda pair: pair[0])
    ]


def _difference(group: str, both: Sequence[Pair], seed: int) -> Difference:
    first = total(pair[0].errors for pair in both)
    second = total(pair[1].errors for pair in both)
    low, high = _interval(
        np.array([pair[0].errors.n_units for pair in both]), np.array(list(map(change, both))), seed
    )
    return Difference(
        group=group,
        n_clips=len(both),
        first=first,
        second=second,
        difference=second.rate - first.rate,
        low=low,
        high=high,
        n_better=sum(change(pair) < 0 for pair in both),
        n_worse=sum(change(pair) > 0 for pair in both),
    )


def _interval(
    n_units: NDArray[np.int64], changes: NDArray[np.int64], seed: int
) -> tuple[float, float]:
    """The 95 % interval of changes by units, if the clips had been drawn anew."""
    random = np.random.default_rng(seed)
    n = len(changes)
    found: list[float] = []
    while len(found) < N_RESAMPLES:
        counts = random.multinomial(n, np.full(n, 1 / n), size=_AT_ONCE)
        found += (counts @ changes / np.maximum(counts @ n_units, 1)).tolist()
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def total(rates: Iterable[Rate]) -> Rate:
    """Rates of one unit as one."""
    each = list(rates)
    return Rate(
        each[0].unit, sum(rate.n_units for rate in each), sum(rate.n_errors for rate in each)
    )


Member = TypeVar("Member")


def _groups(
    members: Iterable[Member], judged: Callable[[Member], Score]
) -> Iterator[tuple[str, list[Member]]]:
    """By language; then all that are counted in words, and in characters, if there are several."""
    ordered = sorted(members, key=lambda member: judged(member).language)
    by_language = [
        (language, list(group))
        for language, group in groupby(ordered, key=lambda member: judged(member).language)
    ]
    yield from by_language
    for unit in ("words", "characters"):
        alike = [group for _, group in by_language if judged(group[0]).errors.unit == unit]
        if len(alike) > 1:
            yield f"all, {unit}", [member for group in alike for member in group]
