"""Stretches of one voice out of chunks that number their voices as they like."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.speakers.activity import LONGEST_FRAMES, STEP_FRAMES, Timeline
from auricle.speakers.segmentation import N_FRAMES, SETS
from auricle.speakers.stretches import Overlap, Stretch

A, B = 0, 1
Script = list[tuple[int, int, int]]
"""``(voice, first frame, last frame)``"""


Flags = NDArray[np.bool_]


def frames_of(script: Script, n_frames: int) -> Flags:
    """``(n_frames, 3)``: who speaks."""
    active: Flags = np.zeros((n_frames, 3), bool)
    for voice, start, end in script:
        active[start:end, voice] = True
    return active


def chunk(active: Flags, order: tuple[int, ...]) -> NDArray[np.float32]:
    """Log-probabilities of a network that is sure, with the voices in another order."""
    shuffled = active[:, order]
    p = np.full((len(active), 7), 1e-4)
    for number, voices in enumerate(SETS):
        expected = np.isin(np.arange(3), voices)
        p[(shuffled == expected).all(1), number] = 1 - 6e-4
    return np.asarray(np.log(p), np.float32)


def heard(script: Script, n_frames: int) -> Timeline:
    active = frames_of(script, n_frames + N_FRAMES)
    timeline = Timeline()
    orders = [(0, 1, 2), (2, 0, 1), (1, 2, 0), (1, 0, 2)]
    for i, start in enumerate(range(0, max(1, n_frames - N_FRAMES + STEP_FRAMES), STEP_FRAMES)):
        list(timeline.add(start, chunk(active[start : start + N_FRAMES], orders[i % 4])))
    list(timeline.finish(n_frames))
    return timeline


def spans(timeline: Timeline) -> list[tuple[int, int]]:
    return [(each.start, each.end) for each in timeline.stretches]


def test_pauses_and_changes_cut():
    timeline = heard([(A, 50, 150), (A, 200, 300), (B, 300, 420)], 900)
    assert spans(timeline) == [(50, 150), (200, 300), (300, 420)]
    assert {pair: round(link, 2) for pair, link in timeline.links.items()} == {
        (0, 1): 1.0,
        (0, 2): 0.0,
        (1, 2): 0.0,
    }
    assert timeline.overlaps == []


def test_no_speech():
    assert spans(heard([], 300)) == []
    assert spans(Timeline()) == []


def test_a_click_is_nobody():
    """A recording's first 0.04 s were somebody's."""
    assert spans(heard([(A, 0, 3), (A, 100, 106), (A, 200, 210)], 600)) == [(200, 210)]


def test_long_speech_is_cut_into_even_parts():
    n = 3 * LONGEST_FRAMES - 40
    found = spans(heard([(A, 100, 100 + n)], 1200))
    assert found[0] == (100, 100 + LONGEST_FRAMES)
    assert [round(end - start, -1) for start, end in found[1:]] == [160, 160]
    assert (found[1][1], found[-1][1]) == (found[2][0], 100 + n)


@pytest.mark.parametrize("length", [900, 2000, 2960])
def test_speech_without_a_pause_does_not_wait_for_its_end(length):
    """Each of its parts is certain as soon as it cannot change, wherever chunks end."""
    active = frames_of([(A, 0, 4000)], 4600)
    timeline = Timeline()
    found: list[Stretch] = []
    for start in range(0, length, STEP_FRAMES):
        found += timeline.add(start, chunk(active[start : start + N_FRAMES], (0, 1, 2)))
        assert start + STEP_FRAMES - timeline.pending < 2 * LONGEST_FRAMES + STEP_FRAMES
    assert [each.end for each in found] == [LONGEST_FRAMES * (i + 1) for i in range(len(found))]
    assert timeline.pending == found[-1].end


def test_two_at_once_are_told_with_whom_they_sound_like():
    timeline = heard([(A, 50, 220), (B, 180, 350)], 700)
    assert [(each.start, each.end) for each in timeline.overlaps] == [(180, 220)]
    [overlap] = timeline.overlaps
    alone = {n: each.alone for n, each in enumerate(timeline.stretches) if each.alone_s > 1}
    assert list(alone.values()) == [((50, 180),), ((220, 350),)]
    n_chunks = 2
    assert [round(overlap.likeness[number] / 40) for number in alone] == [n_chunks, n_chunks]


def test_far_stretches_are_not_linked():
    timeline = heard([(A, 0, 100), (A, 900, 1000)], 1200)
    assert spans(timeline) == [(0, 100), (900, 1000)]
    assert timeline.links == {}


def test_likeness_of_an_overlap_that_nobody_else_saw():
    timeline = heard([(A, 100, 200), (B, 100, 200)], 600)
    assert [type(each) for each in timeline.overlaps] == [Overlap]
    assert [each.alone for each in timeline.stretches] == [()]


def test_how_sure_it_is_that_somebody_speaks():
    """Half of what is between as probable as not and certain, in frames without another voice."""
    log_p = np.log(np.full((N_FRAMES, len(SETS)), 1e-9, np.float32))
    log_p[100:200, 0], log_p[100:200, 1] = np.log(0.25), np.log(0.75)
    log_p[:100, 0] = log_p[200:, 0] = np.log(1.0)
    timeline = Timeline()
    [stretch] = [*timeline.add(0, log_p), *timeline.finish(N_FRAMES)]
    assert stretch.alone_s == pytest.approx(1.69, abs=0.01)
    assert stretch.sure_s == pytest.approx(stretch.alone_s / 2, rel=1e-3)
