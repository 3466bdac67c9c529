"""Real weights: when words are spoken, and how probable tokens are, alone and in company."""

from __future__ import annotations

import asyncio
import itertools
import math

import numpy as np
import pytest

from auricle.reading.model import ReadingModel
from auricle.reading.reader import Reading
from auricle.types import DecodeOptions, Pcm, Word
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words
from tests.reading.real import heard

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = read_wav(SAMPLES / "jfk.wav")
SPANISH = read_wav(SAMPLES / "es.wav")

DETAILED = DecodeOptions(words=True, logprobs=True)


JFK_STARTS_S = {0: 0.33, 5: 3.25, 7: 5.38, 14: 8.15}
JFK_ENDS_S = {4: 2.15, 6: 4.33, 13: 7.6}
"""Where the voice begins after a pause and stops before one, by the number of the word."""


def _said(reading: Reading) -> list[Word]:
    return [word for segment in reading.segments for word in segment.words or ()]


def _check(reading: Reading, pcm: Pcm, start_s: float = 0.0) -> None:
    """What holds for every answer with words and token probabilities."""
    for segment in reading.segments:
        assert segment.words is not None
        assert segment.logprobs is not None
        assert "".join(word.text for word in segment.words) == segment.text
        raw = b"".join(token.raw for token in segment.logprobs)
        assert raw.decode("utf-8", "replace").rstrip() == segment.text
        assert (segment.start_s, segment.end_s) == (
            segment.words[0].start_s,
            segment.words[-1].end_s,
        )
        assert all(0 < word.probability <= 1 for word in segment.words)
        assert all(token.logprob <= 0 for token in segment.logprobs)
    said = _said(reading)
    assert all(word.start_s < word.end_s for word in said)
    assert all(one.end_s <= other.start_s for one, other in itertools.pairwise(said))
    assert start_s <= said[0].start_s
    assert said[-1].end_s <= start_s + len(pcm) / 16_000


@pytest.mark.parametrize(("name", "audio_context"), [("tiny", "auto"), ("base", "full")])
async def test_known_words_are_found_where_they_are(name, audio_context, tiny, base):
    """A short context and a full one: the windows of both end long before the frames."""
    options = DecodeOptions(
        words=True, logprobs=True, decoding="fast", language="en", audio_context=audio_context
    )
    reading = await heard({"tiny": tiny, "base": base}[name], JFK, options, start_s=3600.0)
    _check(reading, JFK, start_s=3600.0)
    said = _said(reading)
    assert words("".join(word.text for word in said)) == JFK_WORDS
    for n, start_s in JFK_STARTS_S.items():
        assert said[n].start_s - 3600 == pytest.approx(start_s, abs=0.15)
    for n, end_s in JFK_ENDS_S.items():
        assert said[n].end_s - 3600 == pytest.approx(end_s, abs=0.15)


async def test_words_and_probabilities_are_the_same_alone_and_in_company(tiny: ReadingModel):
    clips = [JFK, JFK[: 6 * 16_000], np.roll(JFK, 8_000)]
    options = DecodeOptions(words=True, logprobs=True, decoding="fast")
    alone = [await heard(tiny, pcm, options) for pcm in clips]
    assert await asyncio.gather(*(heard(tiny, pcm, options) for pcm in clips)) == alone


async def test_only_what_is_asked_for_is_told(tiny: ReadingModel):
    plain = await heard(tiny, JFK, DecodeOptions(decoding="fast"))
    timed = await heard(tiny, JFK, DecodeOptions(decoding="fast", words=True))
    assert {(s.words, s.logprobs) for s in plain.segments} == {(None, None)}
    assert all(s.words and s.logprobs is None for s in timed.segments)
    assert [s.text for s in plain.segments] == [s.text for s in timed.segments]


async def test_probabilities_agree_with_those_of_generation(tiny: ReadingModel):
    """The mean of the window also counts timestamps and the end, which are less certain; the
    reference takes token probabilities from the alignment as well."""
    options = DecodeOptions(
        words=True, logprobs=True, decoding="fast", language="en", audio_context="full"
    )
    reading = await heard(tiny, JFK, options)
    tokens = [token for segment in reading.segments for token in segment.logprobs or ()]
    avg_logprob = reading.segments[0].avg_logprob
    assert avg_logprob <= np.mean([token.logprob for token in tokens]) <= 0
    n_all = sum(len(segment.tokens) for segment in reading.segments) + 1
    of_text = sum(token.logprob for token in tokens)
    assert avg_logprob * n_all <= of_text + 0.5
    assert avg_logprob * n_all == pytest.approx(of_text, abs=1.0 * (n_all - len(tokens)))
    word = _said(reading)[0]
    assert word.probability == pytest.approx(math.exp(tokens[0].logprob), rel=1e-4)


async def test_a_translation_has_words_in_english(base: ReadingModel):
    options = DecodeOptions(words=True, logprobs=True, language="es", task="translate")
    reading = await heard(base, SPANISH, options, start_s=20.0)
    _check(reading, SPANISH, start_s=20.0)
    assert "recording" in "".join(word.text for word in _said(reading))


async def test_words_of_a_language_written_without_spaces(base: ReadingModel):
    """Whatever base makes of Spanish told that it is Chinese: its words are still the text."""
    options = DecodeOptions(words=True, logprobs=True, decoding="fast", language="zh")
    clip = SPANISH[: 3 * 16_000]
    _check(await heard(base, clip, options), clip)


async def test_a_prompt_does_not_move_words(tiny: ReadingModel):
    before = await heard(tiny, JFK, DETAILED)
    prompted = await heard(
        tiny,
        JFK,
        DecodeOptions(
            words=True, logprobs=True, prompt="A speech. " * 200, prefix="And so, my fellow"
        ),
    )
    _check(prompted, JFK)
    starts = [[word.start_s for word in _said(reading)] for reading in (before, prompted)]
    assert starts[1] == pytest.approx(starts[0], abs=0.3)
