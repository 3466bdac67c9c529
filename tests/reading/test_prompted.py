"""Real weights and what they are told: names, first words, languages, tokens to leave out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from auricle.reading.model import ReadingModel
from auricle.types import DecodeOptions
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words
from tests.reading.real import heard, text

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = read_wav(SAMPLES / "jfk.wav")
SPANISH = read_wav(SAMPLES / "es.wav")


async def test_keywords_are_heard_where_they_were_not(tiny: ReadingModel):
    """An English model on Spanish: as hard as any name."""
    keywords = ("grabación", "LibriVox", "dominio público")
    plain = text(await heard(tiny, SPANISH))
    prompted = text(await heard(tiny, SPANISH, DecodeOptions(keywords=keywords)))
    assert [plain.lower().count(each.lower()) for each in keywords] == [0, 0, 0]
    assert prompted.lower().count("librivox") == 2
    assert "dominio público" in prompted
    assert text(await heard(tiny, SPANISH)) == plain


async def test_the_prompt_is_heeded_and_a_long_one_cut_from_the_left(tiny: ReadingModel):
    fast = DecodeOptions(decoding="fast", prompt="so my fellow-americans")
    assert "my fellow-americans" in text(await heard(tiny, JFK, fast))
    assert "country" in text(await heard(tiny, JFK, replace(fast, prompt="word " * 1000)))


async def test_the_prefix_is_written_and_gone_on_from_alone_and_in_company(tiny: ReadingModel):
    told = [
        DecodeOptions(prefix=prefix, decoding="fast")
        for prefix in (None, "And so my fellow citizens", "Today")
    ]
    alone = [text(await heard(tiny, JFK, options)) for options in told]
    together = await asyncio.gather(*(heard(tiny, JFK, options) for options in told))
    assert [text(reading) for reading in together] == alone
    assert words(alone[0]) == JFK_WORDS
    assert words(alone[1]) == JFK_WORDS.replace("americans", "citizens")
    assert alone[2].startswith("Today")


async def test_tokens_are_left_out_and_patience_is_heeded(tiny: ReadingModel):
    assert text(await heard(tiny, JFK, DecodeOptions(decoding="fast")))[-1] == "."
    options = DecodeOptions(suppress_tokens=(-1, 13, 10**6), decoding="fast")
    without = text(await heard(tiny, JFK, options))
    assert "." not in without
    assert words(without) == JFK_WORDS
    assert words(text(await heard(tiny, JFK, DecodeOptions(patience=2.0)))) == JFK_WORDS


async def test_detection_keeps_to_the_languages_allowed(base: ReadingModel):
    clip = JFK[: 5 * 16_000]
    allowed = DecodeOptions(languages=("nl", "de", "fr"), decoding="fast")
    free = (await heard(base, clip, DecodeOptions(decoding="fast"))).language
    kept = (await heard(base, clip, allowed)).language
    assert free.code == "en"
    assert kept.code in ("nl", "de", "fr")
    assert kept.probability is not None
    assert kept.probability < 0.1  # among all languages, not among these


async def test_a_language_is_detected_transcribed_and_translated(base: ReadingModel):
    spanish = await heard(base, SPANISH, DecodeOptions(decoding="fast"))
    assert spanish.language.code == "es"
    assert spanish.language.probability == pytest.approx(0.99, abs=0.02)
    assert "Todas las grabaciones de LibriVox son del dominio público" in text(spanish)
    english = await heard(base, SPANISH, DecodeOptions(task="translate"))
    assert "recordings" in text(english).lower()
