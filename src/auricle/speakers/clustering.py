"""Which stretches of speech are the same voice: clustering by average similarity.

Knows nothing about audio. The similarity of two stretches is the cosine of their embeddings, as a
share of what one voice would have in stretches of their lengths, raised or lowered by what the
segmentation says of the pair. Two clusters are as similar as their stretches are on average,
weighted by duration; the two most similar are joined until none are alike enough. Of who was heard
for a moment only, less is asked to be taken for somebody else.

Why it is so: docs/decisions.md, Speakers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.57
"""Average similarity from which clusters are one voice."""

HALF_S = 1.0
"""In a stretch of this length the voice and what happens to be said have equal shares in the
embedding. So two stretches of one voice, each of ``d`` seconds, have a cosine of ``d / (d + 1)``
on average: 0.75 at 3 s."""

LINK = 0.1
"""What a certain link adds to a similarity, and a certain difference takes away."""

FOUNDER_S = 0.25
"""Stretches in which less than this is surely speech say too little to found a cluster; they go to
the most similar."""

DOUBT_S = 0.2
"""A cluster that is heard for so long is one voice with another from half of `ALIKE` on; the longer
it is heard, the nearer to all of it. So who says a word has to sound very unlike the others."""

MAX_AT_ONCE = 2000
"""Clusters compared at a time (32 MB): of more stretches, those near in time are joined first."""

F64 = NDArray[np.float64]
Links = Mapping[tuple[int, int], float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many voices there may be: at least and at most so many, as far as the speech allows."""

    at_least: int = 1
    at_most: int | None = None


def cluster(
    embeddings: NDArray[np.float32],
    durations_s: Sequence[float],
    sure_s: Sequence[float],
    links: Links,
    bounds: Bounds | None = None,
) -> NDArray[np.int64]:
    """A cluster for each of ``(n, 192)`` embeddings of length 1, numbered by first appearance.

    ``sure_s`` is how much of each is surely speech; ``links[i, j]``, ``i < j``, how probable it is
    that two are one voice, where that is known.
    """
    durations, sure = np.asarray(durations_s, np.float64), np.asarray(sure_s, np.float64)
    if len(durations) == 0:
        return np.zeros(0, np.int64)
    bounds = bounds or Bounds()
    vectors = embeddings.astype(np.float64) * durations[:, None]
    weights = durations * reliability(durations)
    bonus = _Bonus(links, weights)
    groups = [[int(i)] for i in _founders(durations, sure, bounds)]
    while len(groups) > MAX_AT_ONCE:
        parts = [groups[i : i + MAX_AT_ONCE] for i in range(0, len(groups), MAX_AT_ONCE)]
        joined = [
            group for part in parts for group in _Merging(part, vectors, weights, bonus).alike()
        ]
        if len(joined) == len(groups):
            break
        groups = joined
    groups = _Merging(groups, vectors, weights, bonus).bounded(bounds)
    groups = _beyond_doubt(groups, sure, vectors, weights, bonus, bounds.at_least)
    return _assigned(groups, vectors, weights, bonus)


def reliability(durations_s: F64) -> F64:
    """The product of two is the cosine that one voice has on average in stretches so long."""
    return np.sqrt(durations_s / (durations_s + HALF_S))


def _founders(durations: F64, sure: F64, bounds: Bounds) -> NDArray[np.int64]:
    founders = np.flatnonzero(sure >= FOUNDER_S)
    if len(founders) < bounds.at_least:
        founders = np.sort(np.argsort(-durations, kind="stable")[: bounds.at_least])
    return founders


class _Bonus:
    """What the segmentation adds to the similarity of groups of stretches."""

    def __init__(self, links: Links, weights: F64) -> None:
        self._near: dict[int, dict[int, float]] = {}
        for (i, j), link in links.items():
            value = LINK * (2 * link - 1) * weights[i] * weights[j]
            self._near.setdefault(i, {})[j] = value
            self._near.setdefault(j, {})[i] = value

    def between(self, groups: Sequence[Sequence[int]], others: Sequence[Sequence[int]]) -> F64:
        """``(n_groups, n_others)``: weighted sums over all pairs of their members."""
        place = {member: at for at, group in enumerate(others) for member in group}
        sums = np.zeros((len(groups), len(others)))
        for row, group in enumerate(groups):
            for member in group:
                for other, value in self._near.get(member, {}).items():
                    if other in place:
                        sums[row, place[other]] += value
        return sums


class _Merging:
    """Groups of stretches and the order in which they become one, most similar first."""

    def __init__(
        self, groups: Sequence[Sequence[int]], vectors: F64, weights: F64, bonus: _Bonus
    ) -> None:
        self._groups = [list(group) for group in groups]
        self._weights = weights
        self._vectors = vectors
        self._bonus = bonus
        self._steps = self._merge()

    def alike(self) -> list[list[int]]:
        """The groups that are left when all that are alike have been joined."""
        return self._after(self._n_alike())

    def bounded(self, bounds: Bounds) -> list[list[int]]:
        """The same, with more or fewer joined until the number of groups is within bounds."""
        n = len(self._groups)
        most = n if bounds.at_most is None else bounds.at_most
        n_steps = min(max(self._n_alike(), n - most), n - min(bounds.at_least, n))
        return self._after(n_steps)

    def _merge(self) -> list[tuple[int, int, float]]:
        """``(kept, joined to it, similarity)`` down to a single group."""
        weights = np.array([self._weights[group].sum() for group in self._groups])
        sums = np.stack([self._vectors[group].sum(0) for group in self._groups])
        similar = sums @ sums.T + self._bonus.between(self._groups, self._groups)
        similar /= np.outer(weights, weights)
        np.fill_diagonal(similar, -np.inf)
        best = similar.argmax(1)
        steps = []
        alive = np.ones(len(weights), bool)
        for _ in range(len(weights) - 1):
            a = int(np.where(alive, similar[np.arange(len(best)), best], -np.inf).argmax())
            b = int(best[a])
            steps.append((a, b, float(similar[a, b])))
            merged = (weights[a] * similar[a] + weights[b] * similar[b]) / (weights[a] + weights[b])
            merged[[a, b]] = -np.inf
            similar[a] = similar[:, a] = merged
            similar[b] = similar[:, b] = -np.inf
            weights[a] += weights[b]
            alive[b] = False
            stale = alive & ((best == a) | (best == b))
            stale[a] = True
            best[stale] = similar[stale].argmax(1)
            better = alive & (merged > similar[np.arange(len(best)), best])
            best[better] = a
        return steps

    def _n_alike(self) -> int:
        return next((n for n, (*_, s) in enumerate(self._steps) if s < ALIKE), len(self._steps))

    def _after(self, n: int) -> list[list[int]]:
        """The groups after ``n`` steps."""
        groups = {i: list(group) for i, group in enumerate(self._groups)}
        for kept, joined, _ in self._steps[:n]:
            groups[kept] += groups.pop(joined)
        return list(groups.values())


def _beyond_doubt(
    groups: list[list[int]], sure: F64, vectors: F64, weights: F64, bonus: _Bonus, at_least: int
) -> list[list[int]]:
    """The groups, the briefer of them joined to those they are not surely unlike."""
    groups = [list(group) for group in groups]
    seconds = np.array([sure[group].sum() for group in groups])
    totals = np.array([weights[group].sum() for group in groups])
    means = np.stack([vectors[group].sum(0) for group in groups])
    sums = means @ means.T + bonus.between(groups, groups)
    while len(groups) > at_least:
        briefer = np.minimum.outer(seconds, seconds)
        above = sums / np.outer(totals, totals) - ALIKE * briefer / (briefer + DOUBT_S)
        np.fill_diagonal(above, -np.inf)
        a, b = sorted(divmod(int(above.argmax()), len(groups)))
        if above[a, b] < 0:
            break
        groups[a] += groups.pop(b)
        for values in (sums, sums.T, seconds, totals):
            values[a] += values[b]
        sums = np.delete(np.delete(sums, b, 0), b, 1)
        seconds, totals = np.delete(seconds, b), np.delete(totals, b)
    return groups


def _assigned(
    groups: list[list[int]], vectors: F64, weights: F64, bonus: _Bonus
) -> NDArray[np.int64]:
    """A group for every stretch: its own, or the one whose voice it is most like."""
    sums = np.stack([vectors[group].sum(0) for group in groups])
    means = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    total = np.array([weights[group].sum() for group in groups])
    everyone = [[i] for i in range(len(weights))]
    scores = (vectors @ means.T) / weights[:, None]
    scores += bonus.between(everyone, groups) / np.outer(weights, total)
    labels = scores.argmax(1)
    for number, group in enumerate(groups):
        labels[group] = number
    order = list(dict.fromkeys(labels.tolist()))
    return np.array([order.index(label) for label in labels.tolist()], np.int64)
