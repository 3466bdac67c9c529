"""Which texts say the same thing over and over."""

from __future__ import annotations

import pytest

from auricle.decoding.repeats import (
    LONGEST_PHRASE,
    MIN_TOKENS,
    N_COPIES,
    first_end,
    is_repeating,
)

PHRASE = tuple(range(100, 110))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param((), False, id="nothing"),
        pytest.param(tuple(range(200)), False, id="no word twice"),
        pytest.param((1,) * (MIN_TOKENS - 1), False, id="too few of one word"),
        pytest.param((1,) * MIN_TOKENS, True, id="enough of one word"),
        pytest.param((1, 2, 3) * 10, False, id="too few of three words"),
        pytest.param((1, 2, 3) * 11, True, id="enough of three words"),
        pytest.param(PHRASE * (N_COPIES - 1), False, id="four times a phrase"),
        pytest.param((7, 8, 9, *PHRASE * N_COPIES), True, id="five times, behind others"),
        pytest.param((*PHRASE * N_COPIES, 103), False, id="it has gone on"),
        pytest.param((*PHRASE * N_COPIES, 100, 101), True, id="in the midst of the phrase"),
        pytest.param((*PHRASE, 1) * 2 + PHRASE * 3, False, id="not running"),
        pytest.param(tuple(range(LONGEST_PHRASE)) * N_COPIES, True, id="the longest phrase"),
        pytest.param(tuple(range(LONGEST_PHRASE + 1)) * N_COPIES, False, id="a longer one"),
    ],
)
def test_a_loop(text, expected):
    assert is_repeating(text) is expected


@pytest.mark.parametrize(
    ("ids", "start"),
    [
        ((), None),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9), None),
        ((9, *(1, 2, 3, 4) * 2), None),  # people do say it twice
        ((9, *(1, 2, 3, 4) * 3), 5),
        ((9, *(1, 2, 3, 4) * 3, 1), 6),
        ((9, *(1,) * 7), None),  # a short one, more often
        ((9, *(1,) * 8), 2),
        ((9, *(1, 2) * 4), 3),
        ((9, *(1, 2, 3, 4) * 3, 9), None),  # it went on with something else
        (tuple(range(24)) * 3, 24),
        (tuple(range(25)) * 3, None),
    ],
)
def test_a_loop_is_cut_behind_the_first_time(ids, start):
    assert first_end(ids) == start
