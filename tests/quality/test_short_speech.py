"""Of one word, or three, nothing is lost and nothing is added."""

from __future__ import annotations

import pytest

from auricle.reading.short_speech import LETTERS_AT_ONCE, LETTERS_PER_S, n_letters
from auricle.types import SAMPLE_RATE, DecodeOptions
from tests.audio_files import SAMPLES, read_wav, words

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = read_wav(SAMPLES / "jfk.wav")

SINGLE = ((3.25, 3.85), (3.85, 4.33), (5.938, 6.284), (6.284, 6.676), (6.676, 6.92), (8.6, 8.87))
"""ask, not, country, can, do, what"""


@pytest.mark.parametrize(
    ("start_s", "end_s", "said"),
    [
        (0.29, 1.38, "and so my"),
        (0.982, 2.15, "my fellow americans"),
        (5.624, 6.676, "your country can"),
        (8.15, 9.184, "ask what you"),
        (8.872, 9.612, "you can do"),
        (5.938, 6.284, "country"),
        (3.85, 4.33, "not"),
    ],
)
@pytest.mark.parametrize("has_words", [False, True])
async def test_a_few_words_cut_tightly(hear, start_s, end_s, said, has_words):
    """Single words were dropped as silence, or continued to a sentence nobody said."""
    pcm = JFK[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
    transcript = await hear(pcm, DecodeOptions(words=has_words))
    assert words(transcript.text) == said
    [segment] = transcript.segments
    assert 0.0 <= segment.start_s < segment.end_s <= transcript.duration_s
    timed = segment.words or ()
    assert len(timed) == (len(said.split()) if has_words else 0)
    edges = [edge for word in timed for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)


@pytest.mark.parametrize(("start_s", "end_s"), SINGLE)
async def test_a_word_is_never_nothing_and_never_more_than_can_be_said(hear, start_s, end_s):
    pcm = JFK[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
    transcript = await hear(pcm, DecodeOptions())
    most = LETTERS_AT_ONCE + LETTERS_PER_S * (end_s - start_s)
    assert 0 < n_letters(transcript.text) <= most
    assert len(transcript.segments) == 1
