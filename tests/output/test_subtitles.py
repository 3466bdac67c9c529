"""Cues keep every word, hold their limits, and break where a reader would."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.output.line_breaking import unbreakable, width
from auricle.output.subtitles import MIN_CUE_S, Cue, Shape, cues
from auricle.settings.config import Settings
from auricle.types import Segment, Word

UNLIMITED = Shape(0, 0, 0)


def segment(start_s: float, end_s: float, text: str, *words: tuple[str, float, float]) -> Segment:
    """``words`` are texts with their times."""
    timed = tuple(Word(text, first_s, last_s, 0.9) for text, first_s, last_s in words)
    return Segment(start_s, end_s, text, (), 0.0, -0.2, 1.0, 0.0, words=timed or None)


def spoken(*words: tuple[str, float, float]) -> Segment:
    return segment(words[0][1], words[-1][2], "".join(text for text, _, _ in words), *words)


def lines(text: str, shape: Shape, seconds: float = 1.0) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues([segment(0, seconds, text)], shape, seconds)]


def test_the_defaults_are_those_of_the_settings():
    shape, settings = dataclasses.asdict(Shape()), Settings()
    assert shape == {name: getattr(settings, name) for name in shape}


def test_a_segment_that_fits_is_a_cue_with_its_times():
    found = list(cues([segment(1.5, 3.25, " Hello there.")], Shape(), 9))
    assert found == [Cue(1.5, 3.25, ("Hello there.",))]


def test_without_limits_segments_are_cues():
    text = " word" * 60
    assert lines(text, UNLIMITED, 25.0) == [(text.strip(),)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes. I like it a lot.", [("Yes.",), ("I like", "it a lot.")]),
        ("I like it, and so do we.", [("I like it,",), ("and so", "do we.")]),
        ("Mr. Bean came in at two.", [("Mr. Bean", "came"), ("in at two.",)]),
        ("one two three four", [("one two", "three four")]),
        ("a wordthatistoolong b", [("a", "wordthatistoolong"), ("b",)]),
        ("“Go.” He went home then", [("“Go.”",), ("He went", "home then")]),
    ],
)
def test_where_text_is_broken(text, expected):
    assert lines(text, Shape(10, 2, 0)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天天气很好。明天可能会下雨", [("今天天", "气很好。"), ("明天可", "能会下雨")]),
        ("我用iPhone打电话", [("我用iPhone", "打电话")]),
        ("「好」と言った。", [("「好」", "と言った。")]),
        ("Quoi ? Rien du tout !", [("Quoi ?",), ("Rien du", "tout !")]),
        ("ไปเดินเล่นกันเถอะนะ", [("ไปเดินเล่น", "กันเถอะนะ")]),
        ("がリベラルです", [("がリベラル", "です")]),
        ("インターネット", [("インター", "ネット")]),
    ],
)
def test_scripts_with_other_rules(text, expected):
    """Wide characters count double; no line starts with closing punctuation or a mark that belongs
    to the character before."""
    assert lines(text, Shape(10, 2, 0)) == expected


def test_a_pause_is_a_better_place_than_none():
    said = spoken(
        (" one", 0, 0.5), (" two", 0.5, 1), (" three", 2, 2.5), (" four", 2.5, 3), (" five", 3, 4)
    )
    found = list(cues([said], Shape(42, 2, 3.0), 9))
    assert found == [Cue(0, 1, ("one two",)), Cue(2, 4, ("three four five",))]


def test_characters_of_one_word_stay_together():
    """The model's words of several characters are broken only when nothing else is possible."""
    said = spoken(("今", 0, 1), ("天天", 1, 2), ("气", 2, 3))
    assert [cue.lines for cue in cues([said], Shape(4, 1, 0), 9)] == [("今",), ("天天",), ("气",)]


def test_times_are_those_of_the_words():
    said = spoken((" Well,", 0.5, 1), (" yes.", 1.2, 1.75), (" Go", 5, 5.25), (" on.", 5.25, 6.5))
    found = list(cues([said], Shape(42, 2, 4), 9))
    assert found == [Cue(0.5, 1.75, ("Well, yes.",)), Cue(5, 6.5, ("Go on.",))]


def test_without_words_times_are_by_characters():
    found = list(cues([segment(10, 20, " aaaa. bbbb")], Shape(42, 2, 7), 60))
    assert found == [Cue(10, 15, ("aaaa.",)), Cue(16, 20, ("bbbb",))]


def test_words_that_are_not_the_text_are_not_used():
    one = segment(10, 12, " Hello.", (" Bye.", 50, 51))
    assert list(cues([one], Shape(), 60)) == [Cue(10, 12, ("Hello.",))]


def test_a_short_cue_is_shown_longer_where_there_is_room():
    """But not beyond the recording, nor into the next cue."""
    short = [segment(start_s, start_s + 0.1, " Hm.") for start_s in (0, 0.5, 4)]
    found = list(cues(short, Shape(), 4.75))
    assert [(cue.start_s, cue.end_s) for cue in found] == [(0, 0.5), (0.5, 1.5), (4, 4.75)]


def test_a_word_that_is_said_for_too_long_is_shown_no_longer_than_allowed():
    assert list(cues([segment(0, 30, " Hm.")], Shape(), 30)) == [Cue(0, 7, ("Hm.",))]


def test_a_shape_says_whether_it_splits():
    shapes = {
        Shape(): True,
        Shape(42, 2, 0): True,
        Shape(0, 2, 7): True,
        Shape(42, 0, 0): False,
        Shape(0, 2, 0): False,
    }
    assert {shape: shape.may_split for shape in shapes} == shapes


SYMBOLS = "aé  \n\u00a0.,!?-–:\"'()你好。、「」ーゃเกิ็ำ한한\u0301🙂\0\u200b"
WORDS = st.text(SYMBOLS, min_size=1, max_size=12)
SHAPES = st.builds(
    Shape,
    st.sampled_from([0, 1, 2, 5, 10, 42]),
    st.integers(0, 3),
    st.sampled_from([0, 0.5, 2.0, 7.0]),
)


@st.composite
def recordings(draw: st.DrawFn) -> list[Segment]:
    """Segments one after the other, with times for their words or without."""
    found, at = [], 0.0
    for _ in range(draw(st.integers(0, 4))):
        words = []
        for text in draw(st.lists(WORDS, min_size=1, max_size=12)):
            start_s = at + draw(st.sampled_from([0.0, 0.0, 0.1, 0.5]))
            at = start_s + draw(st.sampled_from([0.02, 0.1, 0.4, 3.0]))
            words.append((" " * draw(st.booleans()) + text, start_s, at))
        made = spoken(*words)
        found.append(made if draw(st.booleans()) else msgspec.structs.replace(made, words=None))
    return found


def squeezed(text: str) -> str:
    return "".join(text.replace("\0", "").split())


@given(recordings(), SHAPES)
def test_cues_keep_every_character_in_order(segments: list[Segment], shape: Shape):
    found = list(cues(segments, shape, 1000))
    said = "".join(segment.text for segment in segments)
    assert squeezed("".join(cue.text for cue in found)) == squeezed(said)
    assert all(line.strip() and "\n" not in line for cue in found for line in cue.lines)


@given(st.lists(st.text("abc.,!", min_size=1, max_size=9), min_size=1, max_size=40), SHAPES)
def test_words_with_spaces_stay_whole(words: list[str], shape: Shape):
    text = " ".join(words)
    found = cues([segment(0, len(words) / 2, " " + text)], shape, 1000)
    assert " ".join(line for cue in found for line in cue.lines) == text


@given(recordings(), SHAPES)
def test_limits_hold_but_for_a_word_that_is_too_long(segments: list[Segment], shape: Shape):
    for cue in cues(segments, shape, 1000):
        if shape.max_line_width:
            assert shape.max_line_count == 0 or len(cue.lines) <= shape.max_line_count
            for line in cue.lines:
                assert width(line) <= shape.max_line_width or len(list(unbreakable(line))) == 1
        else:
            assert len(cue.lines) == 1
        if shape.max_cue_s:
            assert cue.end_s - cue.start_s <= shape.max_cue_s + 1e-6


@given(recordings(), SHAPES)
def test_times_only_grow_and_short_cues_have_no_room(segments: list[Segment], shape: Shape):
    found = list(cues(segments, shape, 1000))
    for cue, following in pairwise(found):
        assert 0 <= cue.start_s < cue.end_s <= following.start_s
        min_s = min(MIN_CUE_S, shape.max_cue_s or MIN_CUE_S)
        is_cut_off = cue.end_s == following.start_s
        assert is_cut_off or cue.end_s - cue.start_s >= min_s - 1e-6
