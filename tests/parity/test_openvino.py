"""The loop of our own, over float32 graphs, says what openai-whisper says, and with beams what
CTranslate2 says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("openvino")

from auricle.engine.loading import load
from auricle.engine.model import CTRANSLATE2, Library, Loading
from auricle.engine.protocol import (
    Alternative,
    DecodeJob,
    DecodeRow,
    EncodeJob,
    EncodeRow,
    Hypothesis,
)
from auricle.whisper import prompting
from auricle.whisper.dimensions import MAX_FRAMES
from tests.parity import readings
from tests.parity.conftest import Compared
from tests.parity.readings import Reading
from tests.parity.test_parity import LOGPROB, PROBABILITY, SAME_TOKENS, TIMESTAMP_S

pytestmark = pytest.mark.model

OPENVINO = Library("openvino")


@pytest.fixture(scope="module")
def ours(tiny_en: Compared, base: Compared) -> dict[str, list[Reading]]:
    """What this engine makes of all windows, by the name of the model."""
    return {
        each.name: readings.auricle(each.folder, each.windows, library=OPENVINO)
        for each in (tiny_en, base)
    }


def same(ours: Sequence[Reading], theirs: Sequence[Reading]) -> list[int]:
    pairs = zip(ours, theirs, strict=True)
    return [i for i, (one, other) in enumerate(pairs) if one.tokens == other.tokens]


def test_tokens(ours, tiny_en, base):
    n_same = sum(len(same(ours[each.name], each.theirs)) for each in (tiny_en, base))
    assert n_same >= SAME_TOKENS * (len(tiny_en.windows) + len(base.windows))


def test_timestamps_and_quality_figures(ours, compared):
    for i in same(ours[compared.name], compared.theirs):
        one, other = ours[compared.name][i], compared.theirs[i]
        np.testing.assert_allclose(one.spans, other.spans, rtol=0, atol=TIMESTAMP_S)
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=LOGPROB)
        assert one.no_speech_prob == pytest.approx(other.no_speech_prob, abs=PROBABILITY)


def test_token_probabilities_and_languages_are_those_of_ctranslate2(ours, compared):
    for i in same(ours[compared.name], compared.ours):
        one, other = ours[compared.name][i], compared.ours[i]
        np.testing.assert_allclose(one.logprobs, other.logprobs, rtol=0, atol=LOGPROB)
        if other.language is not None:
            assert one.language is not None
            assert one.language.code == other.language.code


def test_log_probabilities_of_the_search(ours, compared):
    """Also of texts that are others than the reference's: behind the same words."""
    for i, window in enumerate(compared.windows):
        found = ours[compared.name][i]
        theirs = readings.search_logprobs(
            compared.reference, window.language, found.searched, compared.states[i]
        )
        np.testing.assert_allclose(found.search_logprobs, theirs, rtol=0, atol=LOGPROB)


def test_log_probabilities_of_a_search_with_beams(compared):
    """Of every sixth window, and of the texts that came second and third as well."""
    model = load(compared.folder, Loading("cpu", "float32", 2, OPENVINO))
    for i in range(0, len(compared.windows), 6):
        window = compared.windows[i]
        start = prompting.start(compared.vocabulary, "transcribe", window.language)
        model.encode(EncodeJob((EncodeRow(i, window.pcm.tobytes()),), MAX_FRAMES))
        [said] = model.decode(DecodeJob((DecodeRow(i, start),), 5, 0.0, n_best=3))
        assert isinstance(said, Hypothesis)
        texts: list[Hypothesis | Alternative] = [said, *said.others]
        for each in texts:
            theirs = readings.search_logprobs(
                compared.reference, window.language, each.ids, compared.states[i]
            )
            np.testing.assert_allclose(each.logprobs, theirs, rtol=0, atol=LOGPROB)


def test_token_probabilities(ours, compared):
    for i in same(ours[compared.name], compared.theirs):
        text = [token for token in compared.theirs[i].tokens if token < compared.vocabulary.eot]
        tokenizer = compared.tokenizer(compared.windows[i].language)
        theirs = readings.token_logprobs(compared.reference, tokenizer, text, compared.states[i])
        found = ours[compared.name][i].logprobs
        np.testing.assert_allclose(found, theirs, rtol=0, atol=LOGPROB)


@pytest.mark.parametrize("beam_size", [1, 5])
def test_company_changes_nothing(tiny_en, beam_size):
    """Bit for bit."""
    model = load(tiny_en.folder, Loading("cpu", "float32", 2, OPENVINO))
    start = prompting.start(tiny_en.vocabulary, "transcribe", "en")
    rows = tuple(DecodeRow(i, start) for i in range(8))
    for row in rows:
        pcm = tiny_en.windows[row.state_id].pcm
        model.encode(EncodeJob((EncodeRow(row.state_id, pcm.tobytes()),), MAX_FRAMES))
    together = list(model.decode(DecodeJob(rows, beam_size, 0.0)))
    alone = [said for row in rows for said in model.decode(DecodeJob((row,), beam_size, 0.0))]
    assert sorted(together, key=lambda said: said.state_id) == alone


def test_beams(tiny_en):
    """Where both end with beams whose probabilities are equal but for the order of additions, they
    may choose another."""
    models = [
        load(tiny_en.folder, Loading("cpu", "float32", 2, library))
        for library in (CTRANSLATE2, OPENVINO)
    ]
    start = prompting.start(tiny_en.vocabulary, "transcribe", "en")
    n_same = 0
    for i, window in enumerate(tiny_en.windows):
        texts = set()
        for model in models:
            model.encode(EncodeJob((EncodeRow(i, window.pcm.tobytes()),), MAX_FRAMES))
            [said] = model.decode(DecodeJob((DecodeRow(i, start),), 5, 0.0))
            texts.add(said.ids)
            model.release((i,))
        n_same += len(texts) == 1
    assert n_same >= SAME_TOKENS * len(tiny_en.windows)
