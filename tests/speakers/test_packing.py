"""Stretches of speech share a line of frames, and stay apart in it."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.speakers import packing
from auricle.speakers.packing import GAP, LINE, MOST, lines, packed


def frames(n: int, value: float) -> np.ndarray:
    return np.full((n, 80), value, np.float32)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([300, 300], [[0, 1]]),
        ([100, 300, 290, 200], [[1, 2], [3, 0]]),
        ([LINE], [[0]]),
        ([LINE, 12], [[0], [1]]),
        ([320, 316, 12], [[0, 1], [2]]),
    ],
    ids=["none", "two", "longest first", "all of it", "no gap left", "to the last frame"],
)
def test_who_shares_a_line(lengths, expected):
    assert lines(lengths) == expected


def test_short_ones_are_no_more_than_a_line_holds():
    shared = lines([12] * 100)
    assert [len(line) for line in shared] == [MOST, MOST, 100 - 2 * MOST]
    packed([frames(12, 1.0)] * MOST)


@pytest.mark.parametrize("seed", range(5))
def test_all_that_share_a_line_fit_it(seed):
    lengths = np.random.default_rng(seed).integers(12, 301, 60).tolist()
    shared = lines(lengths)
    assert sorted(place for line in shared for place in line) == list(range(60))
    for line in shared:
        packed([frames(lengths[place], 1.0) for place in line])
    assert len(shared) <= 1.1 * (sum(lengths) + 60 * (GAP + 1)) / LINE + 1


def test_a_line():
    line = packed([frames(203, 1.0), frames(12, 2.0)])
    assert line.features[:, 7].tolist() == [1.0] * 203 + [0.0] * 5 + [2.0] * 12 + [0.0] * 420
    assert (line.inside > 0).tolist() == (line.features[:, 0] > 0).tolist()
    by_frame = np.arange(LINE // 2, dtype=np.float32)
    means = line.means @ by_frame
    assert means[:2].tolist() == pytest.approx([50.5, 104 + 2.5])
    assert not means[2:].any()
    assert (line.members.sum(0)[:3].tolist(), line.members.sum()) == ([102, 6, 0], 108)
    pieces = line.pieces @ by_frame
    assert pieces[:3].tolist() == pytest.approx([50.5 + 49.5, 50.5 + 100.5, 2 * 106.5])
    assert not pieces[3:].any()
    assert (line.in_piece.sum(0)[:4].tolist(), line.in_piece.sum()) == ([100, 2, 6, 0], 108)
    assert line.spread[:3].tolist() == pytest.approx([102 / 101, 6 / 5, 1])


def test_pieces_never_run_out():
    """The most pieces are those of two long stretches, or of many short ones."""
    for lengths in ([318, 318], [202, 202, 202], [12] * MOST, [LINE]):
        line = packed([frames(n, 1.0) for n in lengths])
        assert line.pieces.any(1).sum() <= packing.MOST_PIECES
