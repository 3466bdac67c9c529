"""Which texts say the same thing over and over."""

from __future__ import annotations

import pytest

from auricle.decoding.repeats import LEAST_TOKENS, LONGEST_PHRASE, N_COPIES, is_repeating

PHRASE = tuple(range(100, 110))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param((), False, id="nothing"),
        pytest.param(tuple(range(200)), False, id="no word twice"),
        pytest.param((1,) * (LEAST_TOKENS - 1), False, id="too few of one word"),
        pytest.param((1,) * LEAST_TOKENS, True, id="enough of one word"),
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
