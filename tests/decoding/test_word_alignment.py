"""The way through attention is the cheapest one, and follows where it is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from auricle.decoding import word_alignment


def _cheapest(costs):
    """By trying: the total of the cheapest way to every place."""
    n, m = costs.shape
    total = np.full((n, m), np.inf)
    for i in range(n):
        for j in range(m):
            before = [
                total[i - 1, j - 1] if i and j else np.inf,
                total[i - 1, j] if i else np.inf,
                total[i, j - 1] if j else np.inf,
            ]
            total[i, j] = costs[i, j] + (min(before) if i or j else 0)
    return total[-1, -1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (7, 30), (30, 7), (12, 12)])
def test_the_way_is_the_cheapest(shape):
    for seed in range(5):
        costs = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        way = word_alignment.warped(costs)
        assert (way[0], way[-1]) == ((0, 0), (shape[0] - 1, shape[1] - 1))
        steps = {(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(way)}
        assert steps <= {(0, 1), (1, 0), (1, 1)}
        assert sum(costs[place] for place in way) == pytest.approx(_cheapest(costs), abs=1e-4)


def test_tokens_are_where_attention_is():
    """Two heads that look at states 10, 20, 30... while the tokens are read."""
    n_tokens, n_states = 7, 100
    attention = np.full((2, n_tokens, n_states), 1e-4, np.float32)
    for token in range(n_tokens):
        attention[:, token, 10 * token : 10 * token + 10] = 1.0
    attention[:, :, 80:] = 5.0  # behind the audio
    way = word_alignment.path(attention, 70, range(2, 6))
    reached: dict[int, int] = {}
    for token, state in way:
        reached.setdefault(token, state)
    assert sorted(reached) == [0, 1, 2, 3]
    assert [reached[token] for token in (1, 2, 3)] == pytest.approx([30, 40, 50], abs=1)


def test_few_states_are_not_smoothed():
    attention = np.ones((1, 4, 3), np.float32)
    assert word_alignment.path(attention, 2, range(1, 3))[-1] == (1, 1)
