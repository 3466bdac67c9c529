"""How wrong it is who spoke when: diarization error rate, and word diarization error rate.

Knows nothing about files or networks.

Speakers of reference and hypothesis are matched one to one so that most time, or most words, agree;
names do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.speakers.matching import best_pairs
from auricle.speakers.turns import NamedTurn

COLLAR_S = 0.25
"""The usual collar: so much to either side of every reference boundary is not scored."""


@dataclass(frozen=True, slots=True)
class DiarizationErrors:
    """Seconds, each counted once for every speaker who is concerned."""

    speech_s: float
    """Of the reference; where two speak, both count."""
    missed_s: float
    false_alarm_s: float
    confused_s: float
    n_reference: int
    """Speakers."""
    n_hypothesis: int

    @property
    def rate(self) -> float:
        """Diarization error rate; may be above 1. Without speech: 0 or infinite."""
        wrong = self.missed_s + self.false_alarm_s + self.confused_s
        if self.speech_s == 0:
            return float("inf") if wrong else 0.0
        return wrong / self.speech_s


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Words that both have, and how many of them went to the wrong speaker."""

    n_words: int
    n_wrong: int

    @property
    def rate(self) -> float:
        """Word diarization error rate (Shafey et al. 2019); without words: 0."""
        return self.n_wrong / self.n_words if self.n_words else 0.0


def diarization_errors(
    reference: Sequence[NamedTurn], hypothesis: Sequence[NamedTurn], collar_s: float = 0.0
) -> DiarizationErrors:
    """Compare turns as NIST's md-eval does: overlapping speech counts for each who speaks.

    ``collar_s`` to either side of every boundary of the reference is left out. A speaker's own
    turns that overlap count once.
    """
    edges = {edge for turn in (*reference, *hypothesis) for edge in (turn.start_s, turn.end_s)}
    borders = [edge for turn in reference for edge in (turn.start_s, turn.end_s)]
    edges |= {border + side for border in borders for side in (-collar_s, collar_s)}
    cuts = np.array(sorted(edge for edge in edges if edge >= 0) or [0.0])
    middles, lengths = (cuts[:-1] + cuts[1:]) / 2, np.diff(cuts)
    for border in borders:
        lengths[np.abs(middles - border) < collar_s] = 0.0
    true_activity, found_activity = _activity(reference, middles), _activity(hypothesis, middles)
    together = (true_activity * lengths) @ found_activity.T.astype(float)
    agreed = float(sum(together[pair] for pair in best_pairs(together)))
    n_reference, n_hypothesis = true_activity.sum(0), found_activity.sum(0)

    def total(n: NDArray[np.int64]) -> float:
        return float((n * lengths).sum())

    return DiarizationErrors(
        speech_s=total(n_reference),
        missed_s=total(np.maximum(n_reference - n_hypothesis, 0)),
        false_alarm_s=total(np.maximum(n_hypothesis - n_reference, 0)),
        confused_s=max(0.0, total(np.minimum(n_reference, n_hypothesis)) - agreed),  # not -0.0
        n_reference=len(true_activity),
        n_hypothesis=len(found_activity),
    )


def word_errors(
    reference: Sequence[tuple[str, str]], hypothesis: Sequence[tuple[str, str]]
) -> WordErrors:
    """Compare the speakers of ``(word, speaker)`` in the order they were said, both normalised.

    Words are aligned with the fewest substitutions, insertions and deletions; those that have a
    partner, equal or not, are scored.
    """
    pairs = aligned([word for word, _ in reference], [word for word, _ in hypothesis])
    true_speakers = sorted({speaker for _, speaker in reference})
    found_speakers = sorted({speaker for _, speaker in hypothesis})
    together = np.zeros((len(true_speakers), len(found_speakers)))
    for i, j in pairs:
        together[true_speakers.index(reference[i][1]), found_speakers.index(hypothesis[j][1])] += 1
    agreed = sum(int(together[pair]) for pair in best_pairs(together))
    return WordErrors(len(pairs), len(pairs) - agreed)


def aligned(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs of places that a cheapest Levenshtein alignment puts together."""
    n, m = len(reference), len(hypothesis)
    costs = np.zeros((n + 1, m + 1), np.int32)
    costs[0] = np.arange(m + 1)
    words = np.array(hypothesis, object)
    steps = np.arange(m + 1)
    for i in range(1, n + 1):
        row = np.empty(m + 1, np.int32)
        row[0] = i
        differs = (words != reference[i - 1]).astype(np.int32) if m else np.zeros(0, np.int32)
        row[1:] = np.minimum(costs[i - 1, :-1] + differs, costs[i - 1, 1:] + 1)
        costs[i] = np.minimum.accumulate(row - steps) + steps  # insertions
    pairs, i, j = [], n, m
    while i and j:
        if costs[i, j] == costs[i - 1, j - 1] + (reference[i - 1] != hypothesis[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif costs[i, j] == costs[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _activity(turns: Sequence[NamedTurn], middles: NDArray[np.float64]) -> NDArray[np.bool_]:
    """``(n_speakers, n_spans)``: who speaks in which span of time."""
    names = sorted({turn.speaker for turn in turns})
    active = np.zeros((len(names), len(middles)), bool)
    for turn in turns:
        inside = (middles > turn.start_s) & (middles < turn.end_s)
        active[names.index(turn.speaker)] |= inside
    return active
