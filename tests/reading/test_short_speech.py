"""One word, or three: which text is taken, and how it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auricle.reading import short_speech
from auricle.reading.text import WindowText
from auricle.types import DecodeOptions, Segment, Window
from tests.fakes import VOCABULARY, FakeEngine, FakeText, window
from tests.reading.test_reader import read

WORD = window(seconds=0.36)


def _text(said: str, avg_logprob: float, n_tokens: int = 3) -> WindowText:
    figures: Any = {
        "temperature": 0.0,
        "avg_logprob": avg_logprob,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.9,
    }
    tokens = tuple(range(n_tokens + 2))
    segment = Segment(start_s=0.0, end_s=0.36, text=said, tokens=tokens, **figures)
    return WindowText(segments=(segment,), **figures)


@pytest.mark.parametrize(
    ("seconds", "speech_s", "prefix", "is_short"),
    [
        (0.36, 0.36, None, True),
        (5.9, 1.9, None, True),
        (5.9, 2.1, None, False),
        (6.1, 1.0, None, False),  # voice detection may have missed most of it
        (0.36, 0.0, None, False),
        (0.36, 0.36, "So", False),  # begins with a timestamp
        (0.36, 0.36, " ", True),
    ],
)
def test_what_is_short(seconds, speech_s, prefix, is_short):
    speech = ((0.0, speech_s),) if speech_s else ()
    what = replace(window(seconds=seconds), speech=speech)
    assert short_speech.is_short(what, DecodeOptions(prefix=prefix)) is is_short


@pytest.mark.parametrize(
    ("said", "n"),
    [(" Thank you.", 8), ("...", 0), (" 9 lives", 8), ("東京", 6), ("네", 3), ("नमस्ते", 4)],
)
def test_letters(said, n):
    assert short_speech.n_letters(said) == n


@pytest.mark.parametrize(
    ("texts", "chosen"),
    [
        ([_text(" Most.", -1.0), _text(" Must.", -1.2)], " Most."),
        ([_text(" Thank you very much.", -0.5), _text(" Scalp.", -2.0)], " Scalp."),
        ([_text(" ...", -0.5), _text(" Saw.", -2.0)], " Saw."),
        # four words of which three follow from the first are not more likely than that one
        ([_text(" I'll take it", -0.7, 6), _text(" take", -0.9, 2)], " take"),
        ([_text(" Do you have any documents?", -0.5), _text(" documents?!", -0.9)], " documents?!"),
        ([_text(" Do you have any documents?", -0.5), _text(" Thank you so much.", -0.9)],
         " Thank you so much."),
        ([_text(" take", -0.9, 2), _text(" Take it", -0.9, 5), _text(" Take.", -0.7, 3)], " Take."),
        ([_text(" ...", -0.5), _text(" .", -0.6)], ""),
    ],
)  # fmt: skip
def test_the_likeliest_text_that_can_be_said(texts, chosen):
    assert short_speech.choose(texts, WORD).text == chosen


def test_an_expected_word_is_likelier_than_it_looks():
    texts = [_text(" Brawn decks.", -1.0), _text(" Brondex.", -1.6)]
    assert short_speech.choose(texts, WORD, [0.0, 0.5]).text == " Brawn decks."
    assert short_speech.choose(texts, WORD, [0.0, 0.7]) is texts[1]


def test_silence_around_a_word_is_not_time_to_say_more():
    """Half a second on either side may belong to it, if voice detection came late."""
    around = Window(0, 10.0, window(seconds=4.0).pcm, ((12.5, 12.9),))
    fits, does_not = _text(" " + "a" * 31, -1.0), _text(" " + "a" * 32, -0.5)
    assert short_speech.choose([does_not, fits], around) == fits


async def test_a_word_is_asked_for_without_timestamps_and_chosen_among_others():
    """A word cut tightly got a sentence that nobody can say in its time, or nothing: thirty seconds
    with a word in them are silence to the model."""
    asked = []

    def hear(heard):
        asked.append((heard.has_timestamps, heard.job.n_best, heard.job.max_new_tokens))
        return FakeText(" Thank you very much.", -0.8, 0.95, others=((" Scalp.", -1.4),))

    reading = await read(FakeEngine(hear), what=WORD)
    assert asked == [(False, 5, 60)]
    [segment] = reading.segments
    assert (segment.text, segment.start_s, segment.end_s) == (" Scalp.", 0.0, 0.36)
    assert (segment.tokens[0], segment.tokens[-1] - segment.tokens[0]) == (
        VOCABULARY.first_timestamp,
        18,
    )


@pytest.mark.parametrize(
    ("avg_logprob", "speech_s", "silence_s", "heard"),
    [
        (-1.2, 0.13, 1.8, ""),
        (-0.3, 0.13, 1.8, " See you."),  # the model is sure of it
        (-1.2, 0.13, 0.9, " See you."),
        (-1.2, 0.31, 1.8, " See you."),
    ],
)
async def test_a_noise_between_silences_says_nothing(avg_logprob, speech_s, silence_s, heard):
    """Four frames of speech, 1.9 s after a sentence, were "Wir sehen uns." Where there is hardly
    any silence in a window, a model takes words for silence, too."""
    what = replace(window(seconds=silence_s + speech_s), speech=((0.7, 0.7 + speech_s),))
    reading = await read(FakeEngine(lambda _: FakeText(" See you.", avg_logprob, 0.85)), what=what)
    assert "".join(segment.text for segment in reading.segments) == heard


async def test_more_than_two_seconds_have_timestamps():
    asked = []

    def hear(heard):
        asked.append((heard.has_timestamps, heard.job.n_best))
        return FakeText(" This takes longer to say.")

    await read(FakeEngine(hear), what=window(seconds=2.1))
    assert asked == [(True, 1)]


async def test_greedy_decoding_has_one_text():
    asked = []

    def hear(heard):
        asked.append((heard.has_timestamps, heard.job.n_best))
        return FakeText(" Yes.")

    await read(FakeEngine(hear), DecodeOptions(decoding="fast"), WORD)
    assert asked == [(False, 1)]


def test_timestamps_stand_around_the_text_alone():
    """An engine may write some although it was asked for none."""
    first = VOCABULARY.first_timestamp
    assert short_speech.timed((first + 3, 7, 8, first + 9), first, WORD) == (
        first,
        7,
        8,
        first + 18,
    )
