"""Words of a long recording have its own times: after removed silence, and in any window."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, wav, words
from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

OFFSETS_S = (0, 16, 41)


async def test_a_sentence_said_again_later_has_the_same_times_but_for_that(english: Real) -> None:
    jfk = read_wav(SAMPLES / "jfk.wav")
    pcm = np.zeros((OFFSETS_S[-1] + 12) * 16_000, np.float32)
    for offset_s in OFFSETS_S:
        pcm[offset_s * 16_000 :][: len(jfk)] = jfk
    async with english.async_client() as client:
        answer = await client.audio.transcriptions.create(
            file=("long.wav", wav(pcm)),
            model="tiny.en",
            response_format="verbose_json",
            timestamp_granularities=["word"],
        )
    assert words(answer.text) == " ".join([JFK_WORDS] * len(OFFSETS_S))
    told = answer.words or []
    n = len(JFK_WORDS.split())
    for i, offset_s in enumerate(OFFSETS_S):
        again = told[i * n : (i + 1) * n]
        assert [word.word for word in again][-1] == "country."
        for n_word, start_s in {0: 0.33, 5: 3.25, 7: 5.38, 14: 8.15}.items():
            assert again[n_word].start == pytest.approx(offset_s + start_s, abs=0.2)
    assert answer.segments is None
