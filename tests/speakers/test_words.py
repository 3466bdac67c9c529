"""Words go to who says them: never split, and with their sentence where it is a close call."""

from __future__ import annotations

import pytest

from auricle.speakers.turns import Turn
from auricle.speakers.words import SpokenWord, attribute
from auricle.types import Word


def said(text: str, length_s: float = 0.4, start_s: float = 0.0) -> list[Word]:
    """One word after the other, without pauses."""
    return [
        Word(f" {each}", start_s + i * length_s, start_s + (i + 1) * length_s, 1.0)
        for i, each in enumerate(text.split())
    ]


def speakers(words: list[Word], *turns: tuple[float, float, int]) -> list[int | None]:
    return [each.speaker for each in attribute(words, [Turn(*turn) for turn in turns])]


def test_the_largest_share_decides():
    assert speakers(said("a b"), (0.0, 0.5, 0), (0.5, 0.8, 1)) == [0, 1]
    assert speakers(said("a b"), (0.0, 0.7, 0), (0.7, 0.8, 1)) == [0, 0]


def test_a_word_is_whole_and_in_its_place():
    words = said("one two three")
    assert [each.word for each in attribute(words, [Turn(0.0, 0.6, 0), Turn(0.6, 2.0, 1)])] == words


def test_no_turns_and_no_words():
    assert speakers(said("a b")) == [None, None]
    assert speakers([], (0.0, 1.0, 0)) == []


@pytest.mark.parametrize(
    ("start_s", "expected"), [(0.0, 0), (2.2, 0), (3.4, 1), (9.0, 1), (5.0, 1)]
)
def test_outside_all_turns_the_nearest_is_taken(start_s, expected):
    assert speakers(said("hm", start_s=start_s), (1.0, 2.0, 0), (4.0, 5.0, 1)) == [expected]


def test_a_long_turn_is_near_after_short_ones_ended():
    """Turns that ended were left behind in the order they began, the one still running too."""
    turns = [(0.0, 10.0, 0), (1.0, 1.2, 1), (2.0, 2.2, 1)]
    assert speakers(said("a", start_s=9.0), *turns) == [0]


def test_who_else_speaks_is_told():
    found = attribute(said("a b"), [Turn(0.0, 0.8, 0), Turn(0.45, 0.8, 1), Turn(0.7, 0.8, 2)])
    assert [(each.speaker, each.overlapping) for each in found] == [(0, ()), (0, (1,))]


def test_equal_shares_go_to_who_came_first():
    assert attribute(said("a"), [Turn(0.0, 0.4, 1), Turn(0.0, 0.4, 0)]) == (
        SpokenWord(said("a")[0], 0, (1,)),
    )


def test_a_stray_word_at_the_edge_stays_with_its_sentence():
    words = said("so it is late. yes it is", 0.4)
    assert speakers(words, (0.0, 1.3, 0), (1.3, 2.8, 1)) == [0, 0, 0, 0, 1, 1, 1]
    assert speakers(words, (0.0, 1.9, 0), (1.9, 2.8, 1)) == [0, 0, 0, 0, 1, 1, 1]


def test_a_voice_that_is_really_there_divides_a_sentence():
    words = said("so it is late and you are right", 0.4)
    assert speakers(words, (0.0, 2.0, 0), (2.0, 3.2, 1)) == [0, 0, 0, 0, 0, 1, 1, 1]


def test_a_sentence_of_its_own_is_no_stray():
    assert speakers(said("it is late. Yes. It is."), (0.0, 1.2, 0), (1.2, 1.6, 1), (1.6, 3, 0)) == [
        *(0, 0, 0),
        1,
        *(0, 0),
    ]


def test_a_word_that_changes_hands_no_longer_overlaps_its_new_speaker():
    words = said("so it is late", 0.4)
    found = attribute(words, [Turn(0.0, 1.42, 0), Turn(1.18, 1.6, 1)])
    assert [(each.speaker, each.overlapping) for each in found] == [
        *[(0, ())] * 3,
        (0, ()),
    ]
