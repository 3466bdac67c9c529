"""Timestamp tokens to pieces; T(x) is the token of second x, small numbers are text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.whisper.tokens import Piece, overruns_audio, split

FIRST = 1000


def T(seconds):  # reads like Whisper's <|0.00|>
    return FIRST + round(seconds * 50)


@pytest.mark.parametrize(
    ("ids", "pieces", "resume_s"),
    [
        ([], [], None),
        ([T(0)], [], None),
        ([T(0), T(30)], [], None),
        ([T(0), 1, 2, T(4)], [(0.0, 4.0, (T(0), 1, 2, T(4)))], None),
        ([T(0.5), 1, T(4), T(5), 2, T(9)],
         [(0.5, 4.0, (T(0.5), 1, T(4))), (5.0, 9.0, (T(5), 2, T(9)))], None),
        # no timestamps at all: the window's own times
        ([1, 2], [(0.0, 10.0, (1, 2))], None),
        # the closing one is missing, and nothing closed before: the text is all there is
        ([T(2), 1, 2], [(2.0, 10.0, (T(2), 1, 2))], None),
        # it meant to go on at 5 s: what it began there is read again
        ([T(0), 1, T(5), T(5), 2, 3], [(0.0, 5.0, (T(0), 1, T(5)))], 5.0),
        ([T(0), 1, T(5), T(5)], [(0.0, 5.0, (T(0), 1, T(5)))], 5.0),
        # ... unless only the silence around speech is left
        ([T(0), 1, T(9.5), T(9.5)], [(0.0, 9.5, (T(0), 1, T(9.5)))], None),
        # no progress, no second reading
        ([T(0), 1, T(0.5), T(0.5), 2],
         [(0.0, 0.5, (T(0), 1, T(0.5))), (0.5, 10.0, (T(0.5), 2))], None),
        # a time past the end of the audio
        ([T(0), 1, T(28)], [(0.0, 10.0, (T(0), 1, T(28)))], None),
        ([T(25), 1, T(28)], [(9.98, 10.0, (T(25), 1, T(28)))], None),
        # ... after others that were heard: nobody said it
        ([T(0), 1, T(9), T(11.5), 2, T(13)], [(0.0, 9.0, (T(0), 1, T(9)))], None),
        # an empty piece between two others
        ([T(0), 1, T(2), T(2), T(3), T(3), 2, T(4)],
         [(0.0, 2.0, (T(0), 1, T(2))), (3.0, 4.0, (T(3), 2, T(4)))], None),
    ],
)  # fmt: skip
def test_split(ids, pieces, resume_s):
    found, rest = split(ids, FIRST, 10.0)
    assert ([(p.start_s, p.end_s, p.ids) for p in found], rest) == (pieces, resume_s)


@given(
    st.lists(st.one_of(st.integers(0, 20), st.integers(FIRST, FIRST + 1500)), max_size=40),
    st.floats(0.02, 30.0),
)
def test_pieces_are_ordered_inside_the_window_and_no_text_is_lost(ids, duration_s):
    pieces, resume_s = split(ids, FIRST, duration_s)
    end_s = 0.0
    for piece in pieces:
        assert end_s <= piece.start_s + 0.02 + 1e-9
        assert 0 <= piece.start_s < piece.end_s <= duration_s + 1e-9
        end_s = piece.end_s
    kept = [i for piece in pieces for i in piece.ids if i < FIRST]
    text = [i for i in ids if i < FIRST]
    if max(ids, default=0) <= T(duration_s):
        assert kept == text[: len(kept)]
        assert resume_s is not None or kept == text
    if resume_s is not None:
        assert 1.0 <= resume_s <= duration_s - 0.8 + 1e-9


def test_a_piece_is_compared_by_value():
    assert Piece(0.0, 1.0, (1,)) == Piece(0.0, 1.0, (1,))


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], False),
        ([1, 2], False),
        ([T(0), 1, T(28)], False),
        ([T(0), 1, T(9), T(11), 2, T(13)], False),
        ([T(0), 1, T(9), T(11.02), 2, T(13)], True),
        ([T(0), 1, T(12), T(12)], False),
        ([T(0), 1, T(12), T(12), 2], True),
    ],
)
def test_text_that_begins_a_second_behind_the_audio_is_heard_in_silence(ids, expected):
    """base said a sentence three times that is said once, each time later. But windows whose text
    merely ended late, one in twelve, were read twice for nothing."""
    assert overruns_audio(ids, FIRST, 10.0) is expected
