"""Real weights: the same texts and times as the other library's, alone and in company."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("openvino")

from auricle.decoding.network import NetworkFailed
from auricle.engine import loading
from auricle.engine.ct2 import Whisper
from auricle.engine.loading import load
from auricle.engine.model import Library, Loading
from auricle.engine.openvino.whisper import OpenVinoWhisper
from auricle.engine.protocol import (
    AlignJob,
    DecodeJob,
    DecodeRow,
    DetectJob,
    EncodeJob,
    EncodeRow,
    Hypothesis,
    Tokens,
)
from auricle.errors import ModelUnusable
from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper import alignment, prompting
from auricle.whisper.keywords import expected_tokens
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words

pytestmark = pytest.mark.model

JFK = read_wav(SAMPLES / "jfk.wav")
SPANISH = read_wav(SAMPLES / "es.wav")
CLIPS = [JFK[: 4 * 16_000], JFK[5 * 16_000 : 8 * 16_000], JFK[: 2 * 16_000]]

TINY = locate("tiny.en", Settings())
START = prompting.start(TINY.vocabulary, "transcribe", "en")
BRIEF = {"max_new_tokens": 20}
"""What is drawn by chance ends nowhere."""


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def fast(graphs) -> OpenVinoWhisper:
    """As it comes."""
    return OpenVinoWhisper(TINY.path, "auto", 2, graphs)


@pytest.fixture(scope="module")
def exact(graphs) -> OpenVinoWhisper:
    return OpenVinoWhisper(TINY.path, "float32", 2, graphs)


@pytest.fixture(scope="module")
def other() -> Whisper:
    """CTranslate2's, exact as well."""
    return Whisper(TINY.path, "cpu", "float32", 2)


def encode(model, state_id, pcm=JFK, n_frames=1500, **given):
    row = EncodeRow(state_id, np.ascontiguousarray(pcm).tobytes())
    model.encode(EncodeJob((row,), n_frames, **given))


def decode(model, *rows, beam_size=5, temperature=0.0, **job):
    """In the order of the rows."""
    said = model.decode(DecodeJob(rows, beam_size, temperature, **job))
    found = {each.state_id: each for each in said if isinstance(each, Hypothesis)}
    return [found[row.state_id] for row in rows if row.state_id in found]


def text_ids(ids):
    return [i for i in ids if i < TINY.vocabulary.first_timestamp]


@pytest.mark.parametrize("beam_size", [1, 5])
def test_in_float32_it_says_what_ctranslate2_says(exact, other, beam_size):
    told = prompting.context(TINY.vocabulary, "He speaks of countries.", ("Americans",))
    prefix = prompting.prefix(TINY.vocabulary, "And so my fellow")
    for model in (exact, other):
        encode(model, 1)
        encode(model, 2, CLIPS[0], n_frames=800)
    for row in (
        DecodeRow(1, START),
        DecodeRow(2, (*told, *START)),
        DecodeRow(2, START, prefix),
    ):
        said = [decode(model, row, beam_size=beam_size)[0] for model in (exact, other)]
        assert said[0].ids == said[1].ids
        assert said[0].avg_logprob == pytest.approx(said[1].avg_logprob, abs=1e-3)
        assert said[0].no_speech_prob == pytest.approx(said[1].no_speech_prob, abs=1e-3)


def test_in_float32_the_next_best_texts_are_those_of_ctranslate2(exact, other):
    """Of one word, as short recordings are read."""
    row = DecodeRow(1, (*START, TINY.vocabulary.no_timestamps))
    found = []
    for model in (exact, other):
        encode(model, 1, JFK[: 16_000 * 5 // 2], n_frames=800)
        found.append(decode(model, row, n_best=5)[0])
    texts = [[said.ids, *(each.ids for each in said.others)] for said in found]
    assert len(texts[0]) == 5
    assert texts[0] == texts[1]
    means = [[each.avg_logprob for each in said.others] for said in found]
    assert means[0] == pytest.approx(means[1], abs=1e-3)


def test_in_float32_words_are_where_ctranslate2_finds_them(exact, other):
    aligned = []
    for model in (exact, other):
        encode(model, 1)
        [said] = decode(model, DecodeRow(1, START))
        ids = tuple(i for i in said.ids if i < TINY.vocabulary.eot)
        aligned.append(model.align(AlignJob(1, START, ids, n_frames=1100)))
    assert aligned[0].path == aligned[1].path
    assert aligned[0].probabilities == pytest.approx(aligned[1].probabilities, abs=1e-3)


@pytest.mark.parametrize("beam_size", [1, 5])
def test_what_is_expected_is_found_in_its_window_alone(fast, beam_size):
    for state_id in (1, 2):
        encode(fast, state_id)
    term = "fellow-Americans"
    expected = expected_tokens(TINY.vocabulary, (term, "Quixel"), {term: 2.0})
    rows = DecodeRow(1, START), DecodeRow(2, START, expected=expected)
    plain, biased = decode(fast, *rows, beam_size=beam_size)
    texts = [TINY.vocabulary.decode(found.ids) for found in (plain, biased)]
    assert ["my fellow Americans" in text for text in texts] == [True, False]
    assert [term in text for text in texts] == [False, True]
    assert (plain.bonus, biased.bonus > 0) == (0.0, True)
    alone = [decode(fast, row, beam_size=beam_size)[0] for row in rows]
    assert alone == [plain, biased]


def edges(aligned, ids):
    return alignment.edges(aligned.path, range(len(ids) + 1))


def test_words_between_timestamps_are_placed_nearly_as_by_a_pass_of_their_own(exact):
    encode(exact, 1)
    [said] = decode(exact, DecodeRow(1, START, n_align_frames=1100))
    ids = tuple(text_ids(said.ids))
    assert said.aligned is not None
    assert len(said.aligned.probabilities) == len(ids)
    passed = exact.align(AlignJob(1, START, ids, n_frames=1100))
    away_s = np.abs(np.subtract(edges(said.aligned, ids), edges(passed, ids)))
    assert np.mean(away_s < 0.021) >= 0.8


def test_as_it_comes_it_hears_every_word(fast):
    encode(fast, 1, n_frames=3000)
    for beam_size in (1, 5):
        [said] = decode(fast, DecodeRow(1, START), beam_size=beam_size)
        assert words(TINY.vocabulary.decode(said.ids)) == JFK_WORDS
        assert said.no_speech_prob < 0.1
    assert fast.info.library == "openvino"
    assert fast.info.workers == 2


@pytest.mark.parametrize(("beam_size", "temperature"), [(1, 0.0), (5, 0.0), (1, 1.0)])
def test_a_window_says_the_same_alone_and_in_company(fast, exact, beam_size, temperature):
    """Bit for bit."""
    for model in (fast, exact):
        for n, pcm in enumerate(CLIPS):
            encode(model, n, pcm, n_frames=800)
        rows = [DecodeRow(n, START, seed=n) for n in range(len(CLIPS))]
        search = {"beam_size": beam_size, "temperature": temperature, **BRIEF}
        alone = [decode(model, row, **search)[0] for row in rows]
        assert decode(model, *rows, **search) == alone
        assert [decode(model, row, **search)[0] for row in rows] == alone  # what they left behind


@pytest.mark.parametrize(("beam_size", "temperature"), [(1, 0.0), (5, 0.0), (1, 1.0)])
def test_prompts_and_prefixes_of_other_lengths_change_nothing(fast, exact, beam_size, temperature):
    """Bit for bit."""
    told = prompting.context(TINY.vocabulary, "He speaks of countries.", ("Americans",))
    rows = [
        DecodeRow(0, START, prompting.prefix(TINY.vocabulary, "And so my fellow")),
        DecodeRow(1, (*told, *START), seed=1, n_align_frames=300),
        DecodeRow(2, START, seed=2, n_align_frames=200),
        DecodeRow(3, (*told[:5], *START), prompting.prefix(TINY.vocabulary, "And")),
    ]
    assert len({len(row.prompt) + len(row.prefix) for row in rows}) == len(rows)
    for model in (fast, exact):
        for n, pcm in enumerate([*CLIPS, CLIPS[0]]):
            encode(model, n, pcm, n_frames=800)
        search = {"beam_size": beam_size, "temperature": temperature, **BRIEF}
        alone = [decode(model, row, **search)[0] for row in rows]
        assert decode(model, *rows, **search) == alone


def test_a_window_encoded_on_every_core_has_the_same_states(fast):
    for state_id, is_alone in ((1, False), (2, True)):
        encode(fast, state_id, CLIPS[0], 800, is_alone=is_alone)
    said = [decode(fast, DecodeRow(state_id, START))[0] for state_id in (1, 2)]
    assert (said[0].ids, said[0].avg_logprob) == (said[1].ids, said[1].avg_logprob)


@pytest.mark.parametrize("beam_size", [1, 5])
@pytest.mark.parametrize("draft", [(), (400, 99, 98)])
def test_words_are_placed_on_the_way_as_they_are_by_a_pass_of_their_own(fast, beam_size, draft):
    """So a live update needs none."""
    prompt = (*START, TINY.vocabulary.no_timestamps)
    for state_id, pcm in enumerate(CLIPS):
        encode(fast, state_id, pcm, 700)
    rows = [
        DecodeRow(state_id, prompt, draft=draft, n_align_frames=len(pcm) // 160)
        for state_id, pcm in enumerate(CLIPS)
    ]
    for row, said in zip(rows, decode(fast, *rows, beam_size=beam_size), strict=True):
        own = fast.align(AlignJob(row.state_id, START, said.ids, row.n_align_frames))
        assert said.aligned is not None
        reached, expected = (
            [min(state for token, state in each.path if token == i) for i in range(len(said.ids))]
            for each in (said.aligned, own)
        )
        assert np.abs(np.subtract(reached, expected)).max() <= 2  # 0.04 s
        assert said.aligned.probabilities == pytest.approx(own.probabilities, abs=0.1)


def test_words_that_cannot_be_placed_on_the_way_are_not(fast):
    encode(fast, 1, CLIPS[0], 700)
    prompt = (*START, TINY.vocabulary.no_timestamps)
    for row, max_new_tokens in (
        (DecodeRow(1, prompt), 50),  # nobody asked
        (DecodeRow(1, prompt, n_align_frames=400), 3),  # the decoder was not told its last token
    ):
        [said] = decode(fast, row, max_new_tokens=max_new_tokens)
        assert said.aligned is None


def test_a_released_window_is_not_answered_and_the_others_are(fast):
    for state_id in (1, 2, 3):
        encode(fast, state_id, CLIPS[2], 800)
    fast.release([1])
    rows = [DecodeRow(state_id, START) for state_id in (1, 2, 3)]
    saying = fast.decode(DecodeJob(tuple(rows), 1, 0.0))
    first = next(saying)
    fast.release([2, 3])
    assert first.state_id == 2
    assert list(saying) == []
    assert list(fast.decode(DecodeJob(tuple(rows), 1, 0.0))) == []
    with pytest.raises(KeyError):
        fast.align(AlignJob(1, START, (11,), 100))


def test_a_graph_that_gives_no_numbers_answers_nothing(fast):
    encode(fast, 1)
    for values in fast._shared[1].values():
        values[:] = 0x7FC0 if values.dtype == np.uint16 else np.nan  # no number in bfloat16
    with pytest.raises(NetworkFailed):
        decode(fast, DecodeRow(1, START))
    with pytest.raises(NetworkFailed):  # a language that is none would be told to the next engine
        fast.detect_language(DetectJob(1))
    with pytest.raises(NetworkFailed):
        fast.align(AlignJob(1, START, (11,), 100))
    encode(fast, 1)
    [said] = decode(fast, DecodeRow(1, START))
    assert words(TINY.vocabulary.decode(said.ids)) == JFK_WORDS


def test_languages_of_a_multilingual_model(graphs):
    base = locate("base", Settings())
    model = OpenVinoWhisper(base.path, "auto", 2, graphs)
    encode(model, 1, SPANISH)
    tokens, shares = zip(*model.detect_language(DetectJob(1)).languages, strict=True)
    assert (tokens[0], len(set(tokens))) == ("<|es|>", 99)
    assert shares[0] == pytest.approx(0.99, abs=0.03)
    assert sum(shares) == pytest.approx(1.0, abs=1e-6)
    assert sorted(shares, reverse=True) == list(shares)
    [said] = decode(model, DecodeRow(1, prompting.start(base.vocabulary, "transcribe", "es")))
    assert "Todas las grabaciones de LibriVox" in base.vocabulary.decode(said.ids)


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch):
    """Patched, because tests run where it is installed."""
    monkeypatch.setattr(loading, "has_openvino", lambda: False)
    with pytest.raises(ModelUnusable, match=r"not installed; pip install 'auricle\[openvino\]'"):
        load(TINY.path, Loading("cpu", "auto", 1, Library("openvino")))


def test_what_it_cannot_do_is_said_beforehand(tmp_path):
    with pytest.raises(ModelUnusable, match=r"does not compute in float16 here; use one of auto"):
        OpenVinoWhisper(TINY.path, "float16", 1, None)
    with pytest.raises(ModelUnusable, match="OpenVINO runs on processors"):
        load(TINY.path, Loading("cuda", "auto", 1, Library("openvino")))
    with pytest.raises(ModelUnusable, match=str(tmp_path)):
        load(tmp_path, Loading("cpu", "auto", 1, Library("openvino")))


@pytest.mark.parametrize("beam_size", [1, 5])
def test_text_is_told_while_it_grows_to_who_wants_it(fast, beam_size):
    steps: list[int] = []
    for n in (1, 2):
        encode(fast, n, CLIPS[n - 1])
    rows = DecodeRow(1, START, is_streamed=True), DecodeRow(2, START)
    said = list(fast.decode(DecodeJob(rows, beam_size, 0.0), lambda: steps.append(1)))
    told = [each for each in said if isinstance(each, Tokens)]
    found = {each.state_id: each for each in said if isinstance(each, Hypothesis)}
    assert len(told) >= (3 if beam_size == 1 else 1)
    assert len(steps) >= len(told)
    for each in told:
        text = text_ids(each.ids)
        assert (each.state_id, each.no_speech_prob) == (1, found[1].no_speech_prob)
        assert text_ids(found[1].ids)[: len(text)] == text
        assert len(each.logprobs) == len(each.ids)
        if beam_size == 1:
            assert each.logprobs == found[1].logprobs[: len(each.ids)]
    silent = decode(fast, DecodeRow(1, START), DecodeRow(2, START), beam_size=beam_size)
    assert silent == [found[1], found[2]]
    fast.release((1, 2))


def test_a_right_draft_takes_one_step_and_changes_nothing(exact):
    for n, pcm in enumerate(CLIPS):
        encode(exact, n, pcm)
    rows = [DecodeRow(n, START) for n in range(len(CLIPS))]
    plain = decode(exact, *rows, beam_size=1)
    wrong = plain[1].ids[:5] + plain[0].ids[5:]
    for drafts in ((plain[0].ids, wrong, (*plain[2].ids, 7)), (wrong, (), plain[2].ids[:3])):
        drafted = [DecodeRow(n, START, draft=draft) for n, draft in enumerate(drafts)]
        found = decode(exact, *drafted, beam_size=1)
        for said, expected in zip(found, plain, strict=True):
            assert said.ids == expected.ids
            assert said.avg_logprob == pytest.approx(expected.avg_logprob, abs=1e-3)
            assert said.no_speech_prob == pytest.approx(expected.no_speech_prob, abs=1e-3)
    alone = DecodeRow(0, START, draft=plain[0].ids)
    assert list(exact.decode(DecodeJob((alone,), 1, 0.0), lambda: pytest.fail("a second step")))
    exact.release(range(len(CLIPS)))
