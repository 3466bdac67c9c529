"""Terms as they may be written, in tokens."""

from __future__ import annotations

import pytest

from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper import prompting
from auricle.whisper.keywords import (
    BOOST,
    MAX_FACTOR,
    MAX_TERM_TOKENS,
    expected_tokens,
    visible,
)
from auricle.whisper.vocabulary import Vocabulary

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(locate("base", Settings()).path)


def spelled(vocabulary, *terms, **factors):
    found = expected_tokens(vocabulary, terms, factors)
    return {vocabulary.decode(each.ids): each.boost for each in found}


def test_a_term_comes_behind_a_space_and_where_a_sentence_begins(vocabulary):
    assert spelled(vocabulary, "Brondex", "blue jay") == {
        " Brondex": BOOST,
        " blue jay": BOOST,
        " Blue jay": BOOST,
    }


def test_scripts_without_spaces_have_none(vocabulary):
    assert spelled(vocabulary, "東京", "กรุงเทพ") == {"東京": BOOST, "กรุงเทพ": BOOST}
    assert spelled(vocabulary, "서울") == {" 서울": BOOST}


def test_marks_that_nobody_sees_are_no_part_of_a_term(vocabulary):
    """A mark of the direction of writing was boosted, and stood in the text at both of its ends."""
    assert spelled(vocabulary, "\u202eA\u202cB", "\ufeff", "\x07", "C\u00ad") == {
        " AB": BOOST,
        " C": BOOST,
    }
    assert visible("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"
    assert prompting.context(vocabulary, None, ["\u202eA", "\ufeff", "B"]) == (
        prompting.context(vocabulary, None, ["A", "B"])
    )
    assert prompting.context(vocabulary, None, ["\ufeff"]) == ()


def test_boosts_are_multiplied_within_bounds(vocabulary):
    found = spelled(vocabulary, "A", "B", "C", "D", A=0.5, B=100.0, C=-7.0, D=0.0)
    assert found == {" A": BOOST / 2, " B": BOOST * MAX_FACTOR, " C": -BOOST * MAX_FACTOR}


def test_a_term_that_nobody_says_whole_is_left_out(vocabulary):
    long = " ".join(["word"] * (MAX_TERM_TOKENS + 1))
    assert spelled(vocabulary, long, "Anna") == {" Anna": BOOST}
