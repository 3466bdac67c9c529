"""Both models in every engine, and what they read: made once for all tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from whisper.tokenizer import Tokenizer, get_tokenizer

import whisper
from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper.vocabulary import Vocabulary
from tests.parity import readings, weights
from tests.parity.readings import Reading
from tests.parity.windows import SpokenWindow, windows

OTHER_LANGUAGES = ("de", "es", "fr", "fa")


@dataclass(frozen=True)
class Compared:
    """One set of weights, the windows it was given, and what came of them, window by window."""

    name: str
    folder: Path
    vocabulary: Vocabulary
    tensors: dict[str, torch.Tensor]
    reference: whisper.Whisper
    windows: list[SpokenWindow]
    states: torch.Tensor
    """openai-whisper's encoder states, ``(n_windows, 1500, width)``."""
    ours: list[Reading]
    theirs: list[Reading]

    def tokenizer(self, language: str) -> Tokenizer:
        return get_tokenizer(
            self.vocabulary.multilingual, language=language, task="transcribe", num_languages=99
        )


def pytest_configure(config):
    """The warnings of the other engines are not ours to mend."""
    config.addinivalue_line("filterwarnings", "ignore")


@pytest.fixture(scope="session")
def tiny_en(tmp_path_factory):
    return _compare("tiny.en", windows(["en"]), tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    spoken = windows(["en"])[:5] + windows(OTHER_LANGUAGES)
    return _compare("base", spoken, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session", params=["tiny.en", "base"])
def compared(request):
    return request.getfixturevalue(request.param.replace(".", "_"))


def _compare(name: str, spoken: list[SpokenWindow], scratch: Path) -> Compared:
    folder = locate(name, Settings()).path
    vocabulary = Vocabulary.load(folder)
    tensors = weights.tensors(folder, scratch)
    reference = weights.openai_whisper(tensors, name)
    with ThreadPoolExecutor(1) as beside:  # one core for each side
        ours = beside.submit(readings.auricle, folder, spoken)
        states = readings.encode_openai(reference, spoken)
        theirs = readings.openai(reference, vocabulary, spoken, states)
    return Compared(
        name, folder, vocabulary, tensors, reference, spoken, states, ours.result(), theirs
    )
