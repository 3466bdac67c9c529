"""A word is committed when it is far enough from the edge and two hypotheses agree on it."""

from __future__ import annotations

import msgspec
import pytest

from auricle.live.commit import (
    CommitRule,
    goes_astray,
    is_same,
    n_committed,
    n_plausible,
    spelling,
)
from auricle.types import Word
from tests.live.saying import words

RULE = CommitRule(border_s=0.5)
HEARD = words("ask not what your country")  # each 0.3 s: they end at 0.3, 0.6, 0.9, 1.2, 1.5


@pytest.mark.parametrize(
    ("before", "edge_s", "expected"),
    [
        ("ask not what your country", 9.0, 4),  # agreed upon, long ago, and words follow
        ("ask not what your country", 1.5, 3),  # the border: ends at 1.0 or before
        ("ask not what your country", 1.1, 2),
        ("ask not what your country", 0.7, 0),
        ("ask not what you", 9.0, 3),  # what differs is not agreed upon, nor what follows
        ("so ask not what your", 9.0, 0),  # in the same place, or not at all
        ("", 9.0, 0),  # nothing to agree with
        ("Ask, NOT what. Your", 9.0, 4),  # case and punctuation do not matter
    ],
)
def test_border_and_agreement(before, edge_s, expected):
    assert n_committed(HEARD, words(before), edge_s, RULE) == expected


def test_without_agreement_only_the_border_counts():
    assert n_committed(HEARD, (), 1.5, CommitRule(border_s=0.5, agreement=False)) == 3


def test_the_last_word_may_be_half_of_one():
    """Both hypotheses say "America", both times its "-ns" was not heard yet."""
    said = words("my fellow America")
    assert n_committed(said, said, 9.0, RULE) == len(["my", "fellow"])
    assert n_committed(said, said, 9.0, CommitRule(border_s=0.5, followed=False)) == 3


def test_a_word_behind_one_that_is_not_committed_is_not_either():
    late = msgspec.structs.replace(HEARD[1], end_s=5.0)  # times that overlap
    assert n_committed((HEARD[0], late, *HEARD[2:]), HEARD, 1.8, RULE) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" Don't", " don’t", True),
        (" Straße", " STRASSE", True),
        (" ２０", " 20", True),
        (" café", " cafe", False),
        (" ...", " …", True),
        (" ...", " word", False),
        (" –", " !", False),
        ("、。", "、。", True),
    ],
)
def test_words_that_are_the_same(one, other, same):
    assert is_same(Word(one, 0, 1, 1.0), Word(other, 0, 1, 1.0)) is same


def test_the_spelling_of_combining_characters_is_kept():
    assert spelling(" नमस्ते।") == "नमस्ते"


def test_words_heard_in_the_silence_behind_the_audio_were_not_said():
    assert n_plausible(HEARD, 0.9) == 3


def test_a_phrase_said_again_and_again_was_said_once():
    said = words("well and so am I and so am I and so am I and so am I and")
    assert n_plausible(said, 99.0) == len(["well", "and", "so", "am", "I"])


@pytest.mark.parametrize(
    "said", ["no no no no no", "row row row your boat row row row your boat", "1 2 3 1 2 3 1 2 3"]
)
def test_people_do_repeat_themselves(said):
    assert n_plausible(words(said), 99.0) == len(said.split())


def test_words_squeezed_together_were_not_said():
    """A decoder that goes on without audio puts its words into the last hundredths of a second, and
    begins with one it doubts itself."""
    real = words("for your country")
    doubtful = [msgspec.structs.replace(word, probability=0.02) for word in words("you", 0.9)]
    squeezed = words("can do for your country", 1.2, each_s=0.02)
    assert n_plausible((*real, *doubtful, *squeezed), 1.4) == 3


def test_squeezed_words_need_not_be_equally_short():
    """The last of a phrase said once more takes what was left."""
    real = words("lock the front door")
    again = [*words("lock the front", 1.2, each_s=0.02), *words("door", 1.26, each_s=0.13)]
    assert n_plausible((*real, *again), 1.5) == 4


def test_a_command_that_is_said_once_more_in_haste_was_said_once():
    """Heard in a command of 1.2 s, in the silence behind it."""
    said = [*words("run party", 0.5, each_s=0.6), *words("time", 1.7, each_s=0.02)]
    again = words("run party time", 1.72, each_s=0.13)
    doubtful = [msgspec.structs.replace(word, probability=0.3) for word in said]
    assert n_plausible((*doubtful, *again), 2.5) == 3
    assert not goes_astray((*doubtful, *again), 2.5)


def test_what_is_at_last_said_in_haste_was_said_once_however_often():
    """The first repetition takes what the silence leaves, the last one nothing."""
    said = words("what's the wedding", 0.5)
    again = [*words("what's the", 1.4, each_s=0.01), *words("wedding", 1.42, each_s=0.5)]
    assert n_plausible((*said, *again, *words("what's the wedding", 1.92, each_s=0.04)), 2.1) == 3


def test_who_stammers_goes_on():
    """The first word seems to last over the pause before it."""
    said = (*words("I", 0.1, 0.9), *words("was", 1.0, 0.1), *words("I was", 1.1, 0.12))
    assert n_plausible((*said, *words("going to say", 1.34)), 3.0) == 7
    assert n_plausible(said, 3.0) == 2


def test_one_quick_repetition_among_others_is_none_of_the_decoders():
    """Said three times, and timed as a model does where the same comes again and again."""
    said = (*words("me,", 71.78, 0.19), *words("told me,", 71.97, 0.21))
    quick = (*words("told", 72.39, 0.13), *words("me,", 72.52, 0.11), *words("told", 72.63, 0.02))
    assert n_plausible((*said, *quick, *words("me.", 72.65, 0.13)), 73.0) == 7


def test_what_is_said_twice_before_it_comes_in_haste_was_said_twice():
    said = words("thank you thank you", 0.2)
    assert n_plausible((*said, *words("thank you", 1.4, 0.03)), 2.0) == 4


def test_a_pause_in_a_phrase_makes_no_haste_of_what_follows():
    """A "no", a second of thought, and three in a row."""
    said = (*words("No.", 0.2), *words("No no no", 1.6, 0.13))
    assert n_plausible(said, 2.4) == 4


@pytest.mark.parametrize(("first_s", "again_s"), [(0.3, 0.13), (0.6, 0.2)])
def test_a_phrase_may_be_said_twice_quickly(first_s, again_s):
    again = words("thank you", 2 * first_s, each_s=again_s)
    assert n_plausible((*words("thank you", each_s=first_s), *again), 9.0) == 4


def test_a_word_may_be_a_loop_by_itself():
    said = (*words("one"), *words("1." * 60, 0.3, 6.0), *words("two", 6.3))
    assert n_plausible(said, 9.0) == 1
    assert goes_astray(said, 9.0)
    assert n_plausible(words("1000000000000 aaaaaaaaaaaah"), 9.0) == 2


def pieces(text: str, start_s: float, each_s: float) -> tuple[Word, ...]:
    """The letters of ``text``, as words are told apart where nothing is written between them."""
    said = words(" ".join(text), start_s, each_s)
    return tuple(msgspec.structs.replace(word, text=word.text.strip()) for word in said)


def test_syllables_are_no_words():
    """Of a clip in kana all was cut behind four that took 0.3 s."""
    said = pieces("クマンジュメラ", 0.5, 0.07)
    assert n_plausible(said, 1.2) == 7
    assert n_plausible((*said, *pieces("ありがとう", 0.99, 0.02)), 1.2) == 7
    doubled = (*pieces("い", 0.1, 0.5), *pieces("ろ", 0.6, 0.1), *pieces("いろ", 0.7, 0.07))
    assert n_plausible(doubled, 1.0) == 4


def test_the_word_before_squeezed_ones_was_said():
    real = [*words("my fellow", 1.0), *words("Americans", 1.6)]
    again = words("and so my fellow Americans", 1.9, each_s=0.02)
    assert n_plausible((*real, *again), 2.5) == 3


def test_a_doubtful_word_is_believed_where_nothing_went_astray():
    doubtful = [msgspec.structs.replace(word, probability=0.02) for word in words("you", 0.9)]
    assert n_plausible((*words("for your country"), *doubtful), 1.4) == 4


def test_nothing_heard_is_nothing_committed():
    assert n_committed((), HEARD, 9.0, RULE) == 0
    assert n_plausible((), 9.0) == 0


def test_a_decoder_goes_astray_where_what_was_said_is_lost():
    said = words("so my fellow americans", 0.3)  # up to 1.5
    again = words("so my fellow americans", 1.5, each_s=0.02)
    assert not goes_astray(said, 1.9)
    assert not goes_astray((*said, *again), 1.9), "all was said, and then again"
    assert goes_astray((*said, *again), 2.6)
    assert goes_astray(words("so my fellow americans " * 9, 0.0, each_s=0.02), 1.9)
    assert not goes_astray((), 1.9)
    assert not goes_astray(words("so", 3.0), 1.9), "behind the edge is no speech"
