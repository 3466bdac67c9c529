"""What texts attended to, put together from the steps in which they were feed."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.decoding.attention import AttentionRecorder
from auricle.decoding.network import Step, StepOutput

N_HEADS, N_STATES = 2, 5
END_OF_TEXT = 50
MAY_END = (4, 13)
"""Tokens behind which a text may end."""
NO_LOGITS = np.zeros((1, 1, 1), np.float32)
NO_IDS = np.zeros((1, 1, 1), np.int64)


class Looking:
    """Attends at each token to what its id says; gives the same array each time."""

    def __init__(self):
        self.windows: list[int] = []
        self.kept: list[list[int]] = []

    def begin(self, windows):
        self.windows = list(windows)

    def keep(self, places):
        self.kept.append(list(places))
        self.windows = [self.windows[place] for place in places]

    def step(self, step: Step) -> StepOutput:
        n_windows = len(self.windows)
        values = step.ids.reshape(n_windows, -1).astype(np.float32)
        attention = np.broadcast_to(values[None, :, :, None], (N_HEADS, *values.shape, N_STATES))
        ends = np.isin(step.ids[:, -1:, None], MAY_END).astype(np.float32)
        likely = np.full_like(ends, 0.5)
        return StepOutput(NO_LOGITS, ends, likely, NO_IDS, NO_LOGITS, attention.copy())


def feed(network: AttentionRecorder, *ids: tuple[int, ...], parents: tuple[int, ...] = ()) -> None:
    rows = np.array(ids, np.int64)
    parent = np.array(parents or range(len(ids)), np.int32)
    network.step(Step(rows, 0, parent, NO_IDS[0], NO_LOGITS[0]))


def attended(network: AttentionRecorder, window: int, *ids: int) -> list[float] | None:
    found = network.of(window, ids)
    if found is None:
        return None
    assert found.shape == (N_HEADS, len(ids), 4)
    assert (found == found[:1, :, :1]).all()
    return [float(each) for each in found[0, :, 0]]


def network(*windows: int) -> AttentionRecorder:
    made = AttentionRecorder(Looking(), dict.fromkeys(windows, 4), END_OF_TEXT)
    made.begin(windows)
    return made


def test_one_by_one_behind_what_was_told_at_once():
    one = network(7)
    feed(one, (1, 2, 3))
    feed(one, (4,))
    feed(one, (5,))
    assert attended(one, 7, 1, 2, 3, 4, 5) == [1, 2, 3, 4, 5]
    assert attended(one, 7, 1, 2, 3, 4) == [1, 2, 3, 4]
    assert attended(one, 7, 1, 2, 3, 4, 5, 6) is None  # it was not feed the last
    assert attended(one, 8, 1, 2, 3) is None
    one.begin([8])
    assert attended(one, 7, 1, 2, 3) is None


def test_a_draft_counts_as_far_as_it_was_right():
    one = network(7)
    feed(one, (1, 2, 30, 40))
    feed(one, (3,))
    feed(one, (4,))
    assert attended(one, 7, 1, 2, 3, 4) == [1, 2, 3, 4]


def test_beams_go_on_from_each_other_and_windows_leave():
    two = network(7, 8)
    feed(two, (1, 2), (1, 9))
    feed(two, (3,), (4,), (5,), (6,), parents=(0, 0, 1, 1))
    feed(two, (13,), (14,), (15,), (16,), parents=(1, 0, 3, 3))
    two.keep([1])
    feed(two, (25,), (26,), parents=(3, 2))
    assert attended(two, 7, 1, 2, 4, 13) == [1, 2, 4, 13]  # where it may have ended
    assert attended(two, 7, 1, 2, 3, 13) is None
    assert attended(two, 8, 1, 9, 6, 16, 25) == [1, 9, 6, 16, 25]
    assert attended(two, 8, 1, 9, 6, 15, 26) == [1, 9, 6, 15, 26]


def test_what_led_nowhere_is_forgotten():
    """Of five beams that is four fifths."""
    one = network(7)
    feed(one, (1, 2))
    feed(one, (3,), (4,), (5,), (51,), parents=(0, 0, 0, 0))
    assert attended(one, 7, 1, 2, 3) == [1, 2, 3]
    feed(one, (6,), (7,), (8,), (9,), parents=(2, 2, 2, 2))
    assert attended(one, 7, 1, 2, 3) is None
    assert attended(one, 7, 1, 2, 4) == [1, 2, 4]  # a text may have ended there
    assert attended(one, 7, 1, 2, 51) == [1, 2, 51]  # or behind what is no text
    assert attended(one, 7, 1, 2, 5) == [1, 2, 5]  # from which others go on
    assert attended(one, 7, 1, 2, 5, 8) == [1, 2, 5, 8]


@pytest.mark.parametrize("windows", [(), (8,)])
def test_of_other_windows_nothing_is_kept(windows):
    looking = Looking()
    one = AttentionRecorder(looking, dict.fromkeys(windows, 4), END_OF_TEXT)
    one.begin([7])
    feed(one, (1, 2))
    assert one.of(7, (1, 2)) is None
