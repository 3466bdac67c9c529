"""Which state of the audio each token of a text is heard in, from the attention of a decoder.

Knows nothing about networks, seconds or words. As openai-whisper's ``find_alignment`` does it:
attention of some heads, each token's compared with the others', smoothed, averaged, and the most
plausible way through it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auricle.decoding.network import Floats

MEDIAN_WIDTH = 7
"""States that attention is smoothed over."""


def path(attention: Floats, n_states: int, placed: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Steps of ``(token, state)``, in order, given ``(n_heads, n_tokens, n_all_states)``.

    Attention behind ``n_states`` does not count. Those tokens are ``placed`` behind which text
    follows, and the last of text; others, which say what is to be done or stand for times, are
    compared with alone.
    """
    weights = attention[:, :, :n_states]
    weights = weights / np.maximum(weights.sum(axis=2, keepdims=True), np.float32(1e-30))
    spread = np.maximum(weights.std(axis=1, keepdims=True), np.float32(1e-30))
    compared = (weights - weights.mean(axis=1, keepdims=True)) / spread
    return warped(-_smoothed(compared).mean(axis=0)[list(placed)])


_EXCHANGES = (
    *((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6)),
    *((2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)),
)
"""Pairs to bring into order, one after the other: then the fourth of seven values is their median
(Devillard, "Fast median search", 1998)."""


def _smoothed(values: Floats) -> Floats:
    """The median over the last axis, which is mirrored at its ends."""
    half = MEDIAN_WIDTH // 2
    n = values.shape[-1]
    if n <= half:
        return values
    padded = np.pad(values, ((0, 0), (0, 0), (half, half)), mode="reflect")
    around = [padded[..., i : i + n] for i in range(MEDIAN_WIDTH)]
    for one, other in _EXCHANGES:
        pair = around[one], around[other]
        around[one], around[other] = np.minimum(*pair), np.maximum(*pair)
    return around[half]


def warped(costs: Floats) -> tuple[tuple[int, int], ...]:
    """The cheapest way from the first to the last corner of ``(n, m)``, by steps to the next row,
    the next column or both: dynamic time warping."""
    steps = _steps(costs)
    n, m = costs.shape
    found: list[tuple[int, int]] = []
    row, column = n - 1, m - 1
    while row > 0 or column > 0:
        found.append((row, column))
        step = int(steps[row, column])
        row, column = row - (step != _LEFT), column - (step != _UP)
    return ((0, 0), *reversed(found))


_BOTH, _UP, _LEFT = range(3)


def _steps(costs: Floats) -> NDArray[np.int8]:
    """Where the cheapest way to each place comes from.

    A row is done at once: whoever goes along it from one of its columns to another pays what lies
    between, which is a difference of sums from the row's start. So the cheapest column to enter it
    at is the least so far of what entering costs, less the sum before it. In float64, since
    differences of sums are less exact than sums.
    """
    n, m = costs.shape
    steps = np.full((n, m), _LEFT, np.int8)
    steps[:, 0] = _UP
    sums = np.cumsum(costs, axis=1, dtype=np.float64)
    totals = sums[0]
    for row in range(1, n):
        up, both = totals[1:], totals[:-1]
        entering = np.concatenate([totals[:1], np.minimum(up, both) - sums[row, :-1]])
        totals = sums[row] + np.minimum.accumulate(entering)
        left = totals[:-1]
        step = steps[row, 1:]
        step[(up < both) & (up < left)] = _UP
        step[(both < up) & (both < left)] = _BOTH
    return steps
