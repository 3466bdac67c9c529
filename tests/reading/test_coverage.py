"""Speech behind a text is read on; silence around it is no part of its time."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.reading.coverage import fitted, halves, have_more_words, loop_halves, uncovered_tail
from auricle.reading.text import WindowText
from auricle.types import SAMPLE_RATE, Segment, Window, Word

Spans = tuple[tuple[float, float], ...]


def window(*speech: tuple[float, float]) -> Window:
    """From second 100 to 120; sample i has the value i."""
    return Window(3, 100.0, np.arange(20 * SAMPLE_RATE, dtype=np.float32), speech)


def text(*, resume_s: float | None = None, last_timestamp_s: float | None = None) -> WindowText:
    return WindowText((), 0.0, -0.2, 1.0, 0.0, resume_s=resume_s, last_timestamp_s=last_timestamp_s)


@pytest.mark.parametrize(
    ("speech", "last_timestamp_s", "start_s"),
    [
        pytest.param(((101, 110),), 110.0, None, id="read to the end"),
        pytest.param(((101, 110),), 109.2, None, id="a timestamp is a little early"),
        pytest.param(((101, 105), (107, 107.9)), 105.0, None, id="too little to be sure"),
        pytest.param(((101, 105), (107, 109)), 105.0, 106.7, id="what follows a pause"),
        pytest.param(((101, 105), (105.2, 109)), 105.0, 105.0, id="after a short pause"),
        pytest.param(((101, 105), (106.5, 110)), 107.0, 106.2, id="what had begun a little before"),
        pytest.param(((101, 110),), 105.0, 105.0, id="in the middle of speech"),
        pytest.param(((100, 110),), 100.5, None, id="no progress"),
        pytest.param(((101, 110),), None, None, id="nothing was said, or it was silence"),
    ],
)
def test_speech_behind_the_last_timestamp_is_read_again(
    speech: Spans, last_timestamp_s: float | None, start_s: float | None
):
    """tiny.en ended after the first of two sentences, as if the other had not been said."""
    rest = uncovered_tail(window(*speech), text(last_timestamp_s=last_timestamp_s))
    assert (None if rest is None else rest.start_s) == (
        None if start_s is None else pytest.approx(start_s)
    )


def test_a_rest_is_the_end_of_its_window():
    rest = uncovered_tail(
        window((101, 104), (106, 112)), text(resume_s=107.0, last_timestamp_s=106.9)
    )
    assert rest is not None
    assert (rest.index, rest.start_s, rest.speech) == (3, 107.0, ((107.0, 112),))
    np.testing.assert_array_equal(
        rest.pcm, np.arange(7 * SAMPLE_RATE, 20 * SAMPLE_RATE, dtype=np.float32)
    )


def segment(start_s: float, end_s: float, n_tokens: int = 14, **more) -> Segment:
    tokens = tuple(range(n_tokens))
    return Segment(start_s, end_s, " Yes.", tokens, 0.0, -0.2, 1.0, 0.0, **more)


@pytest.mark.parametrize(
    ("said", "times"),
    [
        pytest.param(segment(100.0, 110.0), (102.2, 108.3), id="silence on both sides"),
        pytest.param(segment(103.0, 107.0), (103.0, 107.0), id="none"),
        pytest.param(segment(100.0, 101.5), (100.0, 101.5), id="nobody is heard at all"),
        pytest.param(segment(100.0, 108.0, 84), (102.0, 108.0), id="noticed late: text takes time"),
        pytest.param(segment(107.5, 115.0, 42), (107.5, 110.5), id="or was lost early"),
    ],
)
def test_a_segment_lasts_as_long_as_somebody_speaks(said: Segment, times: tuple[float, float]):
    """Segments began up to 2.2 s before the first word, where the window begins."""
    fit = fitted(said, window((102.5, 104), (105, 108)))
    assert (fit.start_s, fit.end_s) == times


def test_a_segment_with_words_has_its_times_from_them():
    words = (Word(" Yes.", 101.0, 101.2, 0.9),)
    said = segment(100.0, 110.0, words=words)
    assert (
        fitted(
            said,
            window(
                (102.5, 104),
            ),
        )
        is said
    )


def said(n_tokens: int, *, avg_logprob: float = -0.2, resume_s: float | None = None) -> WindowText:
    """A text of so many tokens, besides its two timestamps, that reaches to the window's end."""
    told = (segment(101, 119, n_tokens + 2),) if n_tokens else ()
    return WindowText(told, 0.0, avg_logprob, 1.0, 0.0, resume_s=resume_s, last_timestamp_s=119.0)


TWO_SENTENCES = ((101, 105), (106, 112))


@pytest.mark.parametrize(
    ("speech", "text", "divided_s"),
    [
        pytest.param(TWO_SENTENCES, said(20), 105.5, id="ten seconds of speech and few words"),
        pytest.param(TWO_SENTENCES, said(30), None, id="enough words"),
        pytest.param(TWO_SENTENCES, said(0), None, id="it was taken for silence"),
        pytest.param(TWO_SENTENCES, said(20, resume_s=106.0), None, id="the rest is read anyway"),
        pytest.param(((101, 111),), said(20), None, id="no pause"),
        pytest.param(((101, 105), (105.2, 111)), said(20), None, id="hardly a pause"),
        pytest.param(((101, 101.5), (103, 112)), said(20), None, id="too little on one side"),
        pytest.param(
            ((101, 101.5), (103, 107), (107.4, 112)), said(20), 107.2, id="a shorter pause"
        ),
    ],
)
def test_a_window_whose_text_is_too_short_is_divided(
    speech: Spans, text: WindowText, divided_s: float | None
):
    """base gave a segment of ten seconds the words of the second of two sentences."""
    whole = window(*speech)
    found = halves(whole, text)
    if divided_s is None:
        assert found == ()
        return
    first, second = found
    assert first.start_s == 100.0
    assert second.start_s == pytest.approx(divided_s)
    np.testing.assert_array_equal(np.concatenate([first.pcm, second.pcm]), whole.pcm)
    assert first.speech + second.speech == speech


@pytest.mark.parametrize(
    ("speech", "divided_s"),
    [
        pytest.param(TWO_SENTENCES, 105.5, id="two sentences"),
        pytest.param(((101, 103), (104, 107)), None, id="little speech"),
        pytest.param(((101, 111),), None, id="no pause"),
        pytest.param(
            ((101, 102), (105, 108), (108.5, 112)), 108.25, id="a longer pause leaves too little"
        ),
    ],
)
def test_a_window_that_loops_is_divided_into_parts_of_like_size(
    speech: Spans, divided_s: float | None
):
    """So that what is read of it has a bound."""
    found = loop_halves(window(*speech))
    assert [part.start_s for part in found[1:]] == ([] if divided_s is None else [divided_s])


@pytest.mark.parametrize(
    ("parts", "more"),
    [
        pytest.param((said(12), said(18)), True, id="a sentence more"),
        pytest.param((said(12), said(10)), False, id="a word or two more"),
        pytest.param((said(30), said(0)), True, id="silence in one"),
        pytest.param((said(12), said(18, avg_logprob=-1.2)), False, id="a guess"),
        pytest.param((said(0), said(0)), False, id="nothing"),
    ],
)
def test_parts_are_believed_if_they_say_more(parts, more):
    assert have_more_words(parts, said(20)) is more
