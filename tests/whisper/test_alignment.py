"""Times of words: from the path of attention, put right where audio is silent."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.whisper.alignment import (
    Span,
    edges,
    loudness,
    pauses,
    spans,
)

LOUD, SOFT = -20.0, -70.0


def _levels(*parts: tuple[float, float]) -> np.ndarray:
    """Loudness for so many seconds each."""
    made = [np.full(round(s * 100), level, np.float32) for level, s in parts]
    return np.concatenate([np.zeros(0, np.float32), *made])


def _rounded(found: list[Span]) -> list[tuple[float, float]]:
    return [(round(span.start_s, 3), round(span.end_s, 3)) for span in found]


def test_an_edge_is_the_first_frame_of_a_token() -> None:
    path = [(0, 0), (0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 4), (3, 9)]
    assert edges(path, [0, 1, 2, 3]) == pytest.approx([0.0, 0.06, 0.06, 0.08])
    assert edges(path, [0, 3]) == pytest.approx([0.0, 0.08])


def test_without_silence_or_correction_edges_are_the_times() -> None:
    levels = _levels((LOUD, 2.0))
    assert _rounded(spans([0.0, 0.5, 1.5, 2.0], levels, 2.0)) == [(0, 0.5), (0.5, 1.5), (1.5, 2.0)]


def test_edges_move_by_the_share_of_both_words_and_by_what_the_heads_are_late() -> None:
    levels = _levels((LOUD, 2.0))
    moved = spans([0.0, 0.5, 1.0, 2.0], levels, 2.0, late_s=0.0)
    assert _rounded(moved) == [(0, 0.6), (0.6, 1.11), (1.11, 2.0)]
    moved = spans([0.0, 0.5, 1.0, 2.0], levels, 2.0, late_s=0.15)
    assert _rounded(moved) == [(0, 0.45), (0.45, 0.96), (0.96, 2.0)]


@pytest.mark.parametrize("edge_s", [0.7, 0.8, 1.0, 1.15, 1.3])
def test_a_pause_parts_the_words_around_the_nearest_edge(edge_s: float) -> None:
    levels = _levels((SOFT, 0.3), (LOUD, 0.5), (SOFT, 0.35), (LOUD, 0.5), (SOFT, 0.2))
    found = spans([0.0, edge_s, 1.85], levels, 1.85)
    assert _rounded(found) == [(0.3, 0.8), (1.15, 1.65)]


def test_a_pause_far_from_every_edge_is_inside_a_word() -> None:
    levels = _levels((LOUD, 1.0), (SOFT, 0.2), (LOUD, 1.0))
    assert _rounded(spans([0.0, 0.5, 2.2], levels, 2.2)) == [(0, 0.5), (0.5, 2.2)]


def test_silence_that_would_swallow_a_word_is_a_soft_voice() -> None:
    levels = _levels((LOUD, 1.0), (SOFT, 1.0), (LOUD, 1.0))
    found = spans([0.0, 1.0, 1.3, 1.6, 2.0, 3.0], levels, 3.0)
    assert _rounded(found) == [(0, 1.0), (1.0, 1.3), (1.3, 1.6), (1.6, 2.0), (2.0, 3.0)]


def test_what_lies_behind_the_text_is_not_looked_at() -> None:
    levels = _levels((LOUD, 1.0), (SOFT, 0.5), (LOUD, 1.5))
    assert _rounded(spans([0.0, 0.5, 1.0], levels, 1.2)) == [(0, 0.5), (0.5, 1.0)]


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (_levels(), []),
        (_levels((LOUD, 1.0)), []),
        (_levels((LOUD, 1.0), (SOFT, 0.11), (LOUD, 1.0)), []),
        (_levels((LOUD, 1.0), (SOFT, 0.12), (LOUD, 1.0)), [(1.0, 1.12)]),
        (_levels((SOFT, 0.05), (LOUD, 1.0), (SOFT, 0.06)), [(0, 0.05), (1.05, 1.11)]),
        (_levels((SOFT, 0.3), (LOUD, 0.04), (SOFT, 0.3), (LOUD, 1.0)), [(0, 0.64)]),
        (_levels((SOFT, 0.3), (LOUD, 0.06), (SOFT, 0.3), (LOUD, 1)), [(0, 0.3), (0.36, 0.66)]),
        (_levels((-40, 0.5), (LOUD, 1.0), (-40, 0.25), (LOUD, 1.0)), [(0, 0.46)]),
        (_levels((LOUD, 1.0), (-40, 0.5), (LOUD, 1.0)), [(1.04, 1.46)]),
    ],
)
def test_pauses(levels: np.ndarray, found: list[tuple[float, float]]) -> None:
    """The last two are noisy: frames are averaged, and a pause must be longer."""
    assert _rounded(pauses(levels)) == found


def test_loudness_is_the_power_of_every_hundredth_of_a_second() -> None:
    size = np.concatenate([np.full(160, 1.0), np.full(160, 0.1), np.zeros(160), np.full(80, 1.0)])
    pcm = (size * np.resize([1.0, -1.0], len(size))).astype(np.float32)
    assert loudness(pcm) == pytest.approx([0, -20, -100, -3.01], abs=0.01)
    assert len(loudness(np.zeros(0, np.float32))) == 0


def test_an_offset_is_not_loud() -> None:
    """A recording with a constant offset seemed equally loud everywhere, so that no pause was found
    and its last word ended half a second early."""
    pcm = np.concatenate([np.resize([0.3, -0.3], 1600), np.zeros(1600)]).astype(np.float32)
    assert loudness(pcm + np.float32(0.5)) == pytest.approx(loudness(pcm), abs=0.01)


_STEPS = st.lists(st.integers(0, 40), min_size=1, max_size=40)


@given(_STEPS, st.lists(st.sampled_from([LOUD, SOFT, -45.0]), max_size=30), st.data())
def test_words_follow_each_other_inside_the_audio(
    steps: list[int], parts: list[float], data: st.DataObject
) -> None:
    edges_s = [0.0, *(frame * 0.02 for frame in itertools.accumulate(steps))]
    shortest_s = max(0.02 * len(steps), 0.05)
    duration_s = data.draw(st.floats(shortest_s, 30.0))
    late_s = data.draw(st.sampled_from([None, 0.0, 0.15]))
    levels = _levels(*((level, 0.13) for level in parts))
    found = spans(edges_s, levels, duration_s, late_s)
    assert len(found) == len(steps)
    assert found[0].start_s >= 0
    assert found[-1].end_s <= duration_s
    assert all(span.end_s - span.start_s >= 0.0199 for span in found)
    assert all(one.end_s <= other.start_s + 1e-9 for one, other in itertools.pairwise(found))
