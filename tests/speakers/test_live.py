"""Labels while people speak: stable, in order of arrival, never more than allowed."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.speakers.live import MAX_VOICES, LiveVoices


def voice(number: int, seed: int = 0, noise: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng((number, seed))
    found = np.eye(192)[number] + rng.normal(0, noise / np.sqrt(192), 192)
    return np.asarray(found / np.linalg.norm(found), np.float32)


def labels(live: LiveVoices, *heard: tuple[int, float]) -> list[int]:
    return [live.label(voice(number, i), s) for i, (number, s) in enumerate(heard)]


def test_in_order_of_arrival():
    assert labels(LiveVoices(), (7, 2), (3, 2), (7, 1), (3, 0.5), (9, 2), (3, 3)) == [
        *(0, 1, 0, 1, 2, 1)
    ]


def test_somebody_new_must_speak_for_a_while():
    """ "No, tell me more." is 0.9 s of speech, and was given to who had asked."""
    assert labels(LiveVoices(), (7, 2), (3, 0.5), (3, 0.7)) == [0, 0, 1]


@pytest.mark.parametrize(("seconds", "expected"), [(0.8, 0), (3.0, 1)])
def test_short_stretches_of_one_voice_are_less_alike(seconds, expected):
    live = LiveVoices()
    labels(live, (7, 2))
    rather = 0.35 * voice(7, noise=0.0) + np.sqrt(1 - 0.35**2) * voice(9, noise=0.0)
    assert live.label(np.asarray(rather, np.float32), seconds) == expected


def test_the_first_is_somebody_however_short():
    assert labels(LiveVoices(), (7, 0.2), (7, 2), (3, 2)) == [0, 0, 1]


def test_a_doubtful_stretch_leaves_the_voice_as_it_is():
    live = LiveVoices()
    labels(live, (7, 2))
    before = live.embeddings.copy()
    assert live.label(voice(3), 0.5) == 0
    np.testing.assert_array_equal(live.embeddings, before)


def test_no_more_than_allowed():
    assert labels(LiveVoices(at_most=2), (7, 2), (3, 2), (9, 2), (3, 2))[3] == 1
    live = LiveVoices(at_most=10_000)
    found = labels(live, *((number, 2.0) for number in range(MAX_VOICES + 5)))
    assert max(found) == MAX_VOICES - 1
    assert live.embeddings.shape == (MAX_VOICES, 192)


def test_nobody_yet():
    assert LiveVoices().embeddings.shape[0] == 0
