"""When a text is believed, and what is tried next."""

from __future__ import annotations

import pytest

from auricle.reading import fallback
from auricle.reading.fallback import Attempt, FallbackThresholds
from auricle.reading.text import WindowText
from auricle.types import DecodeOptions, Segment

FULL = Attempt(5, 0.0, is_full=True)
SHORT = Attempt(5, 0.0, is_full=False)
UNSURE = Attempt(1, 0.0, is_full=True, sure_from=-0.4)
STORY = " " + " ".join(f"the {n} of them went on to place {n * n}" for n in range(40)) + "."
STUCK = STORY + " and on it went," * 6


def _text(avg_logprob=-0.3, compression_ratio=1.2, no_speech_prob=0.1, words=" words", **flags):
    segment = Segment(
        start_s=0.0,
        end_s=1.0,
        text=words,
        tokens=(1,),
        temperature=0.0,
        avg_logprob=avg_logprob,
        compression_ratio=compression_ratio,
        no_speech_prob=no_speech_prob,
    )
    return WindowText(
        segments=(segment,),
        temperature=0.0,
        avg_logprob=avg_logprob,
        compression_ratio=compression_ratio,
        no_speech_prob=no_speech_prob,
        resume_s=5.0,
        **flags,
    )


@pytest.mark.parametrize(
    ("text", "attempt", "is_doubtful"),
    [
        (_text(), FULL, False),
        (_text(compression_ratio=2.41), FULL, True),
        (_text(compression_ratio=2.4), FULL, False),
        (_text(avg_logprob=-1.01), FULL, True),
        (_text(avg_logprob=-1.0), FULL, False),
        (_text(avg_logprob=-0.41), UNSURE, True),
        (_text(avg_logprob=-0.4), UNSURE, False),
        (_text(compression_ratio=3.0, no_speech_prob=0.5), FULL, True),
        (_text(words=STORY), FULL, False),
        (_text(words=STUCK), FULL, True),
        (_text(words=" no" * 9), FULL, False),  # somebody may say that
        (_text(avg_logprob=-1.01, no_speech_prob=0.61), FULL, False),  # silence
        (_text(is_truncated=True), FULL, False),
        (_text(overruns_audio=True), FULL, False),
        (_text(is_truncated=True), SHORT, True),
        (_text(overruns_audio=True), SHORT, True),
    ],
)
def test_doubts(text, attempt, is_doubtful):
    assert fallback.is_doubtful(text, attempt) is is_doubtful


@pytest.mark.parametrize(
    ("avg_logprob", "no_speech_prob", "is_silence"),
    [
        (-1.01, 0.61, True),
        (-1.01, 0.6, False),
        (-0.99, 0.61, True),  # the surer of silence, the surer of the words it must be
        (-0.9, 0.61, False),
        (-0.51, 0.8, True),
        (-0.49, 0.8, False),
        (-0.61, 0.99, True),  # " you", heard in digital silence
        (-0.02, 0.99, False),
    ],
)
def test_silence(avg_logprob, no_speech_prob, is_silence):
    text = _text(avg_logprob=avg_logprob, no_speech_prob=no_speech_prob)
    assert fallback.is_silence(text) is is_silence


@pytest.mark.parametrize(
    ("text", "is_silence"),
    [
        (_text(avg_logprob=-0.49), False),
        (_text(avg_logprob=-0.51), True),
        (_text(compression_ratio=9.0), True),
        (_text(words=STUCK), True),
    ],
)
def test_where_no_speech_was_detected_a_doubtful_text_is_an_invention(text, is_silence):
    assert fallback.is_silence(text, no_vad_speech=True) is is_silence
    assert fallback.is_silence(text) is False
    assert bool(fallback.choose([text], no_vad_speech=True).segments) is not is_silence
    assert fallback.is_doubtful(text, FULL, no_vad_speech=True) is False


def test_thresholds_and_temperatures_are_the_operators():
    strict = FallbackThresholds(1.5, -0.5, 0.3, (0.5,))
    assert fallback.is_doubtful(_text(compression_ratio=1.6), FULL, strict) is True
    assert fallback.is_silence(_text(avg_logprob=-0.6, no_speech_prob=0.31), strict) is True
    assert fallback.ladder(DecodeOptions(), is_short=False, thresholds=strict) == (
        Attempt(5, 0.0, True, -0.5),
        Attempt(1, 0.5, True, -0.5),
    )
    never_silent = FallbackThresholds(max_no_speech_prob=1.0)
    assert fallback.is_silence(_text(avg_logprob=-9.0, no_speech_prob=1.0), never_silent) is False
    assert (
        len(
            fallback.ladder(
                DecodeOptions(), is_short=False, thresholds=FallbackThresholds(temperatures=())
            )
        )
        == 1
    )


LOOP = _text(compression_ratio=9.0)
IMPROBABLE = _text(avg_logprob=-2.0)
CUT = _text(is_truncated=True)


@pytest.mark.parametrize(
    ("options", "step", "text", "goes_on"),
    [
        ({}, 0, IMPROBABLE, False),
        ({}, 0, LOOP, True),  # the full context
        ({}, 0, CUT, True),
        ({}, 1, IMPROBABLE, False),
        ({}, 1, LOOP, True),
        ({}, 2, IMPROBABLE, False),
        ({}, 2, LOOP, True),
        ({}, 7, LOOP, False),
        ({"beam_size": 1}, 1, IMPROBABLE, True),  # nothing was searched: chance may find better
        ({"decoding": "balanced"}, 0, IMPROBABLE, True),
        ({"decoding": "balanced"}, 1, IMPROBABLE, False),
    ],
)
def test_temperatures_are_for_loops(options, step, text, goes_on):
    """A window in a language the model cannot write climbed seven ways, and the beam's text won."""
    attempts = fallback.ladder(DecodeOptions(**options), is_short=True)
    assert fallback.is_worth_retrying(attempts, step, text) is goes_on


def _ways(is_short=False, **options):
    ways = fallback.ladder(DecodeOptions(**options), is_short=is_short)
    return [(way.beam_size, way.temperature, way.is_full) for way in ways]


RUNGS = [(1, t, True) for t in (0.2, 0.4, 0.6, 0.8, 1.0)]


@pytest.mark.parametrize(
    ("options", "is_short", "ways"),
    [
        ({}, False, [(5, 0.0, True), (1, 0.0, True), *RUNGS]),
        ({}, True, [(5, 0.0, False), (5, 0.0, True), (1, 0.0, True), *RUNGS]),
        ({"beam_size": 1}, False, [(1, 0.0, True), *RUNGS]),
        ({"decoding": "fast"}, True, [(1, 0.0, False), (1, 0.0, True), *RUNGS]),
        ({"decoding": "balanced"}, False, [(1, 0.0, True), (5, 0.0, True), (1, 0.0, True), *RUNGS]),
        ({"decoding": "balanced", "beam_size": 1}, False, [(1, 0.0, True), *RUNGS]),
        ({"temperature": 0.7}, False, [(1, 0.7, True)]),
        ({"temperature": 0.7}, True, [(1, 0.7, False), (1, 0.7, True)]),
    ],
)
def test_what_is_tried(options, is_short, ways):
    assert _ways(is_short, **options) == ways


def test_only_the_first_of_balanced_asks_for_more_certainty():
    ways = fallback.ladder(DecodeOptions(decoding="balanced"), is_short=True)
    assert [way.sure_from for way in ways] == [-0.4] + [-1.0] * (len(ways) - 1)


def test_the_most_probable_attempt_without_loops_wins():
    loop = _text(avg_logprob=-0.1, compression_ratio=9.0, words=" la la la la")
    good = _text(avg_logprob=-1.2, words=" good")
    worse = _text(avg_logprob=-1.5, words=" worse")
    assert fallback.choose([loop, worse, good]) == good


def test_when_every_attempt_loops_the_most_probable_is_kept():
    loops = [_text(avg_logprob=-p, compression_ratio=9.0) for p in (0.5, 0.2, 0.9)]
    assert fallback.choose(loops) == loops[1]


def test_silence_has_no_words_and_no_rest():
    silence = fallback.choose([_text(avg_logprob=-1.4, no_speech_prob=0.9)])
    assert (silence.segments, silence.resume_s) == ((), None)
