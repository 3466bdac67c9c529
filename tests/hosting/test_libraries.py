"""What models are computed with: the library that is asked for, and the other when it fails."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import pytest

from auricle.config import Settings
from auricle.engine.model import CTRANSLATE2, Library, LibraryName
from auricle.hosting import libraries as libraries_module
from auricle.hosting.libraries import Libraries
from auricle.hosting.trial import Measured

MODEL, OTHER, CACHE = Path("model"), Path("other"), Path("cache")
OPENVINO = Library("openvino", CACHE / "graphs")


@dataclass
class Engine:
    died: bool = False


def measured(library: LibraryName) -> Measured:
    return Measured(library, "because", {}, "2026-11-29", "tiny")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")
    return folder


def test_by_default_it_is_ctranslate2():
    assert Libraries(Settings(), CACHE).of(MODEL, "cpu") == CTRANSLATE2


def test_openvino_when_asked_for_but_not_on_a_gpu():
    libraries = Libraries(Settings(engine="openvino"), CACHE)
    assert libraries.of(MODEL, "cpu") == OPENVINO
    assert libraries.of(MODEL, "cuda") == CTRANSLATE2


def test_a_model_whose_engine_died_is_read_by_the_other_library(caplog):
    libraries = Libraries(Settings(engine="openvino"), CACHE)
    engine, replica, other = Engine(), Engine(), Engine()
    libraries.started(MODEL, OPENVINO, engine)
    libraries.started(MODEL, OPENVINO, replica)
    libraries.started(OTHER, OPENVINO, other)
    assert libraries.of(MODEL, "cpu") == OPENVINO  # it was unloaded, and is loaded again
    libraries.started(MODEL, OPENVINO, engine)
    libraries.started(MODEL, OPENVINO, replica)
    replica.died = True
    with caplog.at_level(logging.ERROR):
        assert libraries.of(MODEL, "cpu") == CTRANSLATE2
    assert caplog.messages == [
        "from now on, model is computed with CTranslate2 instead of OpenVINO: its engine died"
    ]
    libraries.started(MODEL, CTRANSLATE2, Engine(died=True))
    assert libraries.of(MODEL, "cpu") == CTRANSLATE2
    assert libraries.of(OTHER, "cpu") == OPENVINO


def test_auto_is_what_was_measured_for_this_very_model(model: Path, tmp_path: Path):
    pytest.importorskip("openvino")
    libraries = Libraries(Settings(engine="auto"), tmp_path)
    assert libraries.of(model, "cpu") is None
    assert libraries.of(model, "cuda") == CTRANSLATE2
    assert libraries.keep(model, measured("openvino")) == libraries.openvino
    again = Libraries(Settings(engine="auto"), tmp_path)
    assert again.of(model, "cpu") == libraries.openvino
    assert again.keep(model, measured("ctranslate2")) == CTRANSLATE2
    assert again.of(model, "cpu") == CTRANSLATE2
    for other in ({"threads": 1000}, {"compute_type": "float32"}):
        assert Libraries(Settings(engine="auto", **other), tmp_path).of(model, "cpu") is None
    (model / "model.bin").write_bytes(b"other weights")
    assert again.of(model, "cpu") is None


def test_auto_is_ctranslate2_where_there_is_nothing_else(monkeypatch):
    """Patched, because tests run where both are installed."""
    monkeypatch.setattr(libraries_module, "has_openvino", lambda: False)
    assert Libraries(Settings(engine="auto"), CACHE).of(MODEL, "cpu") == CTRANSLATE2
