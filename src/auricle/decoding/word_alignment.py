"""Which state of the audio each token of a text is heard in, from the attention of a decoder.

Knows nothing about networks, seconds or words. As openai-whisper's ``find_alignment`` does it:
attention of some heads, each token's compared with the others', smoothed, averaged, and the most
plausible way through it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auricle.decoding.network import Floats

MEDIAN_WIDTH = 7
"""States that attention is smoothed over."""


def path(attention: Floats, n_states: int, first: int) -> tuple[tuple[int, int], ...]:
    """Steps of ``(token, state)``, in order, given ``(n_heads, n_tokens, n_all_states)``.

    Attention behind ``n_states`` does not count. Tokens before the ``first``, which say what is
    to be done, are compared with but not placed; nor is the last, the end of the text.
    """
    heard = attention[:, :, :n_states]
    heard = heard / np.maximum(heard.sum(axis=2, keepdims=True), np.float32(1e-30))
    spread = np.maximum(heard.std(axis=1, keepdims=True), np.float32(1e-30))
    compared = (heard - heard.mean(axis=1, keepdims=True)) / spread
    return warped(-_smoothed(compared).mean(axis=0)[first:-1])


def _smoothed(values: Floats) -> Floats:
    """The median over the last axis, which is mirrored at its ends."""
    half = MEDIAN_WIDTH // 2
    if values.shape[-1] <= half:
        return values
    padded = np.pad(values, ((0, 0), (0, 0), (half, half)), mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_WIDTH, axis=-1)
    median: Floats = np.partition(around, half, axis=-1)[..., half]
    return median


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
    """Where the cheapest way to each place comes from. Places on one diagonal do not depend on
    each other, so they are done at once."""
    n, m = costs.shape
    steps = np.full((n, m), _LEFT, np.int8)
    steps[:, 0] = _UP
    # totals of the two diagonals before, by row, with one more row above
    before, last = (np.full(n + 1, np.inf, np.float32) for _ in range(2))
    last[1] = costs[0, 0]
    for diagonal in range(1, n + m - 1):
        rows = np.arange(max(0, diagonal - m + 1), min(n, diagonal + 1))
        both, up, left = before[rows], last[rows], last[rows + 1]
        best = np.minimum(np.minimum(both, up), left)
        step = np.where(
            (both < up) & (both < left), _BOTH, np.where((up < both) & (up < left), _UP, _LEFT)
        )
        inside = (rows > 0) & (rows < diagonal)
        steps[rows[inside], diagonal - rows[inside]] = step[inside]
        totals = np.full(n + 1, np.inf, np.float32)
        totals[rows + 1] = costs[rows, diagonal - rows] + best
        before, last = last, totals
    return steps
