"""Real weights and what they are told: names, first words, languages, tokens to leave out."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.engine.process import EngineProcess
from auricle.engine.protocol import DecodeJob, DecodeRow, EncodedWindow, EncodeJob, EncodeRow
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

JFK = read_wav(SAMPLES / "jfk.wav")
SPANISH = read_wav(SAMPLES / "es.wav")


async def _encode(engine: EngineProcess, window_id: int, pcm=JFK, **fields) -> EncodedWindow:
    row = EncodeRow(window_id, np.ascontiguousarray(pcm).tobytes(), **fields)
    return (await engine.encode(EncodeJob((row,), 2000))).windows[0]


async def _said(engine: EngineProcess, *rows: DecodeRow, **job) -> list[str]:
    answer = await engine.decode(DecodeJob(rows, 5, 0.0, **job))
    return ["".join(segment.text for segment in each.segments).strip() for each in answer.windows]


def _row(window_id: int, *, is_guided: bool = True) -> DecodeRow:
    return DecodeRow(window_id, 0.0, 11.0, "en", "transcribe", is_guided=is_guided)


async def test_keywords_are_heard_where_they_were_not(tiny_engine: EngineProcess):
    """An English model on Spanish: as hard as any name."""
    keywords = ("grabación", "LibriVox", "dominio público")
    await _encode(tiny_engine, 1, SPANISH)
    await _encode(tiny_engine, 2, SPANISH, keywords=keywords)
    plain, guided, again = [
        (await _said(tiny_engine, row))[0] for row in (_row(1), _row(2), _row(2, is_guided=False))
    ]
    assert [plain.lower().count(each.lower()) for each in keywords] == [0, 0, 0]
    assert guided.lower().count("librivox") == 2
    assert "dominio público" in guided
    assert again == plain


async def test_the_prefix_is_written_and_gone_on_from_alone_and_in_company(
    tiny_engine: EngineProcess,
):
    await _encode(tiny_engine, 1)
    await _encode(tiny_engine, 2, prefix="And so my fellow citizens")
    await _encode(tiny_engine, 3, prefix="Today")
    rows = [_row(n) for n in (1, 2, 3)]
    alone = [(await _said(tiny_engine, row))[0] for row in rows]
    assert await _said(tiny_engine, *rows) == alone
    assert words(alone[0]) == JFK_WORDS
    assert words(alone[1]) == JFK_WORDS.replace("americans", "citizens")
    assert alone[2].startswith("Today")
    assert await _said(tiny_engine, _row(2, is_guided=False)) == alone[:1]


async def test_tokens_are_left_out_and_patience_is_heeded(tiny_engine: EngineProcess):
    await _encode(tiny_engine, 1)
    [plain] = await _said(tiny_engine, _row(1))
    assert plain[-1] == "."
    [without] = await _said(tiny_engine, _row(1), suppress_tokens=(-1, 13, 10**6))
    assert "." not in without
    assert words(without) == JFK_WORDS
    assert words((await _said(tiny_engine, _row(1), patience=2.0))[0]) == JFK_WORDS


async def test_detection_keeps_to_the_languages_allowed(base_engine: EngineProcess):
    free = await _encode(base_engine, 1, detect_language=True)
    kept = await _encode(base_engine, 2, detect_language=True, languages=("nl", "de", "fr"))
    assert free.language is not None
    assert kept.language is not None
    assert free.language.code == "en"
    assert kept.language.code in ("nl", "de", "fr")
    assert kept.language.probability is not None
    assert kept.language.probability < 0.1  # among all languages, not among these
