"""Terms as they may be written, in tokens."""

from __future__ import annotations

import pytest

from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper.keywords import BOOST, MAX_FACTOR, MAX_TERM_TOKENS, expected_tokens
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


def test_boosts_are_multiplied_within_bounds(vocabulary):
    found = spelled(vocabulary, "A", "B", "C", "D", A=0.5, B=100.0, C=-7.0, D=0.0)
    assert found == {" A": BOOST / 2, " B": BOOST * MAX_FACTOR, " C": -BOOST * MAX_FACTOR}


def test_a_term_that_nobody_says_whole_is_left_out(vocabulary):
    long = " ".join(["word"] * (MAX_TERM_TOKENS + 1))
    assert spelled(vocabulary, long, "Anna") == {" Anna": BOOST}
