"""Stretches become voices by what they sound like and by what the segmentation says."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.speakers.clustering import MAX_AT_ONCE, Bounds, cluster


def voices(*which: int, noise: float = 0.5, seed: int = 0) -> np.ndarray:
    """Embeddings of these voices: orthogonal means, each with noise of its own."""
    rng = np.random.default_rng(seed)
    means = np.eye(192)[list(which)]
    found = means + rng.normal(0, noise / np.sqrt(192), means.shape)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def labels(embeddings, durations_s=None, links=None, sure_s=None, **bounds) -> list[int]:
    durations_s = durations_s or [2.0] * len(embeddings)
    found = cluster(embeddings, durations_s, sure_s or durations_s, links or {}, Bounds(**bounds))
    return [int(each) for each in found]


def test_voices_in_order_of_arrival():
    assert labels(voices(3, 3, 7, 3, 1, 7)) == [0, 0, 1, 0, 2, 1]


def test_nothing_and_one():
    assert labels(voices()) == []
    assert labels(voices(4)) == [0]
    assert labels(voices(4), [0.2]) == [0]


@pytest.mark.parametrize(
    ("bounds", "n"),
    [
        ({}, 3),
        ({"at_least": 2}, 3),
        ({"at_least": 5}, 5),
        ({"at_least": 99}, 6),
        ({"at_most": 2}, 2),
        ({"at_most": 1}, 1),
        ({"at_least": 4, "at_most": 4}, 4),
    ],
)
def test_bounds(bounds, n):
    found = labels(voices(3, 3, 7, 3, 1, 7), **bounds)
    assert len(set(found)) == n
    assert sorted(set(found)) == list(range(n))


def test_a_stretch_that_is_hardly_speech_founds_no_voice_but_goes_to_the_nearest():
    embeddings = voices(0, 1, 2, 1, noise=0.9)
    found = labels(embeddings, [2.0, 2.0, 0.8, 0.5], sure_s=[2.0, 1.9, 0.15, 0.1])
    assert found in ([0, 1, 0, 1], [0, 1, 1, 1])


def test_a_few_words_found_a_voice():
    assert labels(voices(0, 1, 2, 1), [2.0, 2.0, 0.5, 0.5], sure_s=[2.0, 1.9, 0.3, 0.3]) == [
        0,
        1,
        2,
        1,
    ]


@pytest.mark.parametrize(("sure_s", "expected"), [(0.3, [0, 0, 0]), (2.0, [0, 0, 1])])
def test_who_is_heard_for_a_moment_must_be_very_unlike_the_others(sure_s, expected):
    """A similarity of 0.46 to somebody is doubt in 0.3 s, and a difference in 2 s."""
    embeddings = voices(0, 0, 1, noise=0.0)
    embeddings[2, :2] = 0.28, np.sqrt(1 - 0.28**2)
    assert labels(embeddings, [3.0, 3.0, 1.0], sure_s=[3.0, 3.0, sure_s]) == expected


def test_brief_ones_stay_apart_where_so_many_are_asked_for():
    embeddings = voices(0, 0, 1, noise=0.0)
    embeddings[2, :2] = 0.28, np.sqrt(1 - 0.28**2)
    found = labels(embeddings, [3.0, 3.0, 1.0], sure_s=[3.0, 3.0, 0.3], at_least=2)
    assert found == [0, 0, 1]


def test_doubtful_ones_are_joined_one_by_one():
    """Two brief ones that are one voice are joined first, and then heard long enough."""
    embeddings = voices(0, 1, 1, noise=0.0)
    embeddings[1:, 0], embeddings[1:, 1] = 0.2, np.sqrt(1 - 0.2**2)
    assert labels(embeddings, [3.0, 0.6, 0.6], sure_s=[3.0, 0.4, 0.4]) == [0, 1, 1]


def test_eight_voices():
    assert labels(voices(*range(8), *range(8), noise=0.7)) == [*range(8), *range(8)]


@pytest.mark.parametrize(("seconds", "expected"), [(3.0, [0, 1]), (1.0, [0, 0])])
def test_short_stretches_of_one_voice_are_less_alike(seconds, expected):
    one, other = np.zeros((2, 192), np.float32)
    one[0], other[:2] = 1, (0.37, np.sqrt(1 - 0.37**2))
    assert labels(np.stack([one, other]), [seconds] * 2) == expected


def test_short_stretches_alone_are_voices_too():
    assert labels(voices(0, 1, 0), [0.5, 0.5, 0.5], at_least=2) == [0, 1, 0]


def test_a_link_decides_between_stretches_that_are_nearly_alike():
    one, other = np.zeros((2, 192), np.float32)
    one[0], other[:2] = 1, (0.33, np.sqrt(1 - 0.33**2))
    pair = np.stack([one, other])
    assert labels(pair) == [0, 1]
    assert labels(pair, links={(0, 1): 1.0}) == [0, 0]
    other[:2] = 0.36, np.sqrt(1 - 0.36**2)
    pair = np.stack([one, other])
    assert labels(pair) == [0, 0]
    assert labels(pair, links={(0, 1): 0.0}) == [0, 1]


def test_longer_stretches_weigh_more():
    a, b, c = np.zeros((3, 192), np.float32)
    a[0], c[1], b[:2] = 1, 1, (0.8, 0.6)
    together = np.stack([a, b, c])
    assert labels(together, [9.0, 1.5, 1.5]) == [0, 0, 1]  # c is 0.12 like the two by then
    assert labels(together, [1.5, 9.0, 1.5]) == [0, 0, 0]  # and 0.72 here


def test_more_than_are_compared_at_once():
    which = np.random.default_rng(3).integers(0, 4, MAX_AT_ONCE + 100)
    order = list(dict.fromkeys(which.tolist()))
    found = labels(voices(*which.tolist(), noise=0.3))
    assert found == [order.index(each) for each in which.tolist()]
