"""The same weights say the same here as in openai-whisper and transformers.

Every engine gets the same 30 s of real speech and silence, works in float32 and picks the likeliest
token. Tokens may differ where two are equally likely but for the order of additions.
"""

from __future__ import annotations

import json

import ctranslate2
import numpy as np
import pytest
import torch

import whisper
from auricle.whisper import alignment, mel
from auricle.whisper.dimensions import FRAMES_PER_S, MAX_FRAMES
from tests.parity import readings, weights
from tests.parity.windows import windows
from whisper import decoding, timing

pytestmark = pytest.mark.model

SAME_TOKENS = 0.98
TIMESTAMP_S = 0.02
PROBABILITY = 0.02
LOGPROB = 0.05
WORD_S = 0.1


def same(compared):
    """The indexes of windows with the same tokens, which can be compared one by one."""
    pairs = zip(compared.ours, compared.theirs, strict=True)
    return [i for i, (ours, theirs) in enumerate(pairs) if ours.tokens == theirs.tokens]


@pytest.mark.parametrize("window", windows(["en", "es", "fa"]), ids=lambda window: window.name)
def test_features(window):
    ours = mel.log_mel(window.pcm, 80, MAX_FRAMES)
    np.testing.assert_allclose(ours, readings.features(window).numpy(), atol=1e-4)


def test_tokens_that_are_never_said(compared):
    stored = json.loads((compared.folder / "config.json").read_text(encoding="utf-8"))
    task = decoding.DecodingTask(compared.reference, whisper.DecodingOptions(fp16=False))
    assert set(stored["suppress_ids"]) == set(task._get_suppress_tokens())
    blank = {*task.tokenizer.encode(" "), task.tokenizer.eot}
    assert set(stored["suppress_ids_begin"]) == blank


def test_heads_that_tell_when_words_are_said(compared):
    stored = json.loads((compared.folder / "config.json").read_text(encoding="utf-8"))
    heads = compared.reference.alignment_heads.indices().T.tolist()
    assert sorted(stored["alignment_heads"]) == sorted(heads)


def test_tokens(tiny_en, base):
    n_windows = len(tiny_en.windows) + len(base.windows)
    assert n_windows >= 50
    assert len(same(tiny_en)) + len(same(base)) >= SAME_TOKENS * n_windows


def test_timestamps_and_quality_figures(compared):
    for i in same(compared):
        ours, theirs = compared.ours[i], compared.theirs[i]
        assert len(ours.spans) == len(theirs.spans)
        np.testing.assert_allclose(ours.spans, theirs.spans, rtol=0, atol=TIMESTAMP_S)
        assert ours.avg_logprob == pytest.approx(theirs.avg_logprob, abs=LOGPROB)
        assert ours.no_speech_prob == pytest.approx(theirs.no_speech_prob, abs=PROBABILITY)


def test_token_probabilities(compared):
    for i in same(compared):
        text = [token for token in compared.ours[i].tokens if token < compared.vocabulary.eot]
        tokenizer = compared.tokenizer(compared.windows[i].language)
        theirs = readings.token_logprobs(compared.reference, tokenizer, text, compared.states[i])
        np.testing.assert_allclose(compared.ours[i].logprobs, theirs, rtol=0, atol=LOGPROB)


def test_languages(base):
    found = readings.detect_openai(base.reference, base.states)
    for reading, probabilities in zip(base.ours, found, strict=True):
        assert reading.language.code == max(probabilities, key=probabilities.get)
        theirs = probabilities[reading.language.code]
        assert reading.language.probability == pytest.approx(theirs, abs=PROBABILITY)


def test_word_edges(compared):
    """Where attention moves on to the next word; Auricle then corrects that (see decisions.md)."""
    engine = ctranslate2.models.Whisper(
        str(compared.folder), compute_type="float32", intra_threads=1
    )
    for i in same(compared)[::5]:
        window = compared.windows[i]
        tokenizer = compared.tokenizer(window.language)
        text = [token for token in compared.ours[i].tokens if token < compared.vocabulary.eot]
        n_frames = int(window.duration_s * FRAMES_PER_S)
        theirs = timing.find_alignment(
            compared.reference, tokenizer, text, readings.features(window), n_frames
        )
        states = ctranslate2.StorageView.from_array(compared.states[i : i + 1].numpy())
        [found] = engine.align(states, list(tokenizer.sot_sequence), [text], n_frames)
        ends = np.cumsum([len(word.tokens) for word in theirs])
        ours = alignment.edges(found.alignments, [0, *ends[:-1].tolist()])
        np.testing.assert_allclose(ours, [word.start for word in theirs], rtol=0, atol=WORD_S)


def test_transformers_says_the_same(compared):
    """On every seventh window, because its encoder takes its time."""
    model = weights.transformers_whisper(compared.tensors, compared.folder)
    for i in same(compared)[::7]:
        said = compared.ours[i].tokens
        window = compared.windows[i]
        chosen = readings.transformers_choices(model, compared.vocabulary, window, said)
        assert chosen == said, window.name


@torch.no_grad()
def test_encoder_states(compared):
    engine = ctranslate2.models.Whisper(
        str(compared.folder), compute_type="float32", intra_threads=1
    )
    for i in range(0, len(compared.windows), 12):
        features = mel.log_mel(compared.windows[i].pcm, 80, MAX_FRAMES)
        ours = np.array(engine.encode(ctranslate2.StorageView.from_array(features[None]), True))
        theirs = compared.states[i : i + 1].numpy()
        assert np.abs(ours - theirs).mean() < 1e-3
