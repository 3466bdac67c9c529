"""Where a window begins that has become long."""

from __future__ import annotations

from auricle.live.options import LiveOptions
from auricle.live.window import ReadingWindow
from tests.live.saying import text, words

OPTIONS = LiveOptions(trim_above_s=6.0)  # and keeps up to 2 s of what was committed


def window(*committed) -> ReadingWindow:
    return ReadingWindow(0.0, [word for said in committed for word in said])


def test_it_begins_in_the_pause_before_a_turn_rather_than_in_the_middle_of_its_speech():
    """Between two words that touch, "exciting" was cut off from "that's", and left out."""
    own = window(words("absolutely", 4.3, 0.8), words("that's", 6.2))
    own.trim(7.0, words("exciting let", 6.5), OPTIONS)
    assert 5.1 < own.start_s < 6.2
    assert text(own.words) == "that's"
    assert own.context == " absolutely"


def test_it_begins_behind_all_that_is_committed_only_in_a_pause():
    own = window(words("absolutely he said", 4.3))
    own.trim(7.0, words("that's", 5.6), OPTIONS)
    assert own.words == []
    assert 5.2 < own.start_s < 5.6


def test_it_keeps_the_end_of_speech_without_a_pause():
    own = window(words("one two three four five six seven eight nine ten", 2.4))
    own.trim(6.4, words("eleven", 5.4), OPTIONS)
    assert own.words[-1].text == " ten"
    assert own.start_s == 3.6  # between the words, and two seconds before the end of the last


def test_with_one_word_it_waits_for_another():
    own = window(words("well", 5.0))
    own.trim(6.4, words("then", 5.3), OPTIONS)
    assert (own.start_s, text(own.words)) == (0.0, "well")


def test_with_little_that_is_committed_it_waits_for_more():
    """Begun within "l'accident a eu lieu", base made up the rest of the sentence."""
    own = window(words("l'accident a eu", 2.6))
    own.trim(8.7, words("lieu en terrain", 3.5), OPTIONS)
    assert (own.start_s, text(own.words)) == (0.0, "l'accident a eu")


def test_a_long_pause_is_not_kept():
    own = window(words("absolutely", 0.3, 0.8), words("that's so", 6.2))
    own.trim(7.4, (), OPTIONS)
    assert own.start_s == 5.2


def test_at_the_limit_it_begins_later_whatever_is_in_it():
    own = window()
    own.trim(15.0, (), OPTIONS)
    assert own.start_s == 14.0


def test_words_that_overlap_are_not_parted_from_their_audio():
    first = words("first", 3.0, 1.5)
    own = window(first, words("second", 4.3, 0.9), words("third", 5.2, 0.9))
    own.trim(7.0, words("fourth", 6.1), OPTIONS)
    assert (text(own.words), own.start_s <= 4.3) == ("second third", True)


def test_more_is_read_at_a_time_while_few_people_speak():
    """With "whole number" in it, but not the words before, a window of 6 s said "home number"."""
    own = window(words("to obtain the simplest", 4.2, 0.5))
    own.trim(8.0, words("whole number", 6.2), LiveOptions())
    assert own.start_s == 0.0
    own.trim(8.0, words("whole number", 6.2), LiveOptions(), is_crowded=True)
    assert own.start_s == 4.7
    calm = window(words("to obtain the simplest", 4.2, 0.5))
    calm.trim(10.1, words("whole number", 6.2), LiveOptions())
    assert calm.start_s == 4.7
