"""When a text is believed, and what is tried next."""

from __future__ import annotations

import pytest

from auricle.engine.protocol import WindowText
from auricle.scheduler import fallback
from auricle.types import Segment


def _text(avg_logprob=-0.3, compression_ratio=1.2, no_speech_prob=0.1, words=" words"):
    figures = {
        "temperature": 0.0,
        "avg_logprob": avg_logprob,
        "compression_ratio": compression_ratio,
        "no_speech_prob": no_speech_prob,
    }
    segment = Segment(start_s=0.0, end_s=1.0, text=words, tokens=(1,), **figures)
    return WindowText(segments=(segment,), rest_s=5.0, **figures)


@pytest.mark.parametrize(
    ("text", "is_doubtful", "is_silence"),
    [
        (_text(), False, False),
        (_text(compression_ratio=2.41), True, False),
        (_text(compression_ratio=2.4), False, False),
        (_text(avg_logprob=-1.01), True, False),
        (_text(avg_logprob=-1.0), False, False),
        (_text(avg_logprob=-1.01, no_speech_prob=0.61), False, True),
        (_text(avg_logprob=-0.5, no_speech_prob=0.99), False, False),
        (_text(compression_ratio=3.0, no_speech_prob=0.99), True, False),
    ],
)
def test_gates(text, is_doubtful, is_silence):
    assert (fallback.is_doubtful(text), fallback.is_silence(text)) == (is_doubtful, is_silence)


def test_beam_search_falls_back_to_greedy_and_then_up_the_ladder():
    assert fallback.attempts(5, 0.0) == (
        (5, 0.0),
        (1, 0.0),
        (1, 0.2),
        (1, 0.4),
        (1, 0.6),
        (1, 0.8),
        (1, 1.0),
    )


def test_greedy_is_not_tried_twice():
    assert fallback.attempts(1, 0.0)[:2] == ((1, 0.0), (1, 0.2))


def test_a_temperature_that_was_asked_for_is_the_only_one():
    assert fallback.attempts(5, 0.7) == ((1, 0.7),)


def test_the_most_probable_attempt_without_loops_wins():
    loop = _text(avg_logprob=-0.1, compression_ratio=9.0, words=" la la la la")
    good = _text(avg_logprob=-1.2, words=" good")
    worse = _text(avg_logprob=-1.5, words=" worse")
    assert fallback.settle([loop, worse, good]) == good


def test_when_every_attempt_loops_the_most_probable_is_kept():
    loops = [_text(avg_logprob=-p, compression_ratio=9.0) for p in (0.5, 0.2, 0.9)]
    assert fallback.settle(loops) == loops[1]


def test_silence_has_no_words_and_no_rest():
    silence = fallback.settle([_text(avg_logprob=-1.4, no_speech_prob=0.9)])
    assert (silence.segments, silence.rest_s) == ((), None)
