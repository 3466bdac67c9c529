"""What models are computed with: the library that is asked for, and the other when it fails."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auricle.engine.model import CTRANSLATE2, Library
from auricle.hosting import libraries as libraries_module
from auricle.hosting.libraries import MAX_MEASURED_BYTES, Libraries
from auricle.hosting.trial import Measured
from auricle.settings.config import Settings
from auricle.types import LibraryName

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


def auto(cache: Path, *, gains: bool = True, **settings: Any) -> Libraries:
    """As by default, on a processor that probably ``gains`` from OpenVINO."""
    return Libraries(Settings(**settings), cache, lambda: gains)


def test_ctranslate2_when_asked_for():
    assert Libraries(Settings(engine="ctranslate2"), CACHE).of(MODEL, "cpu") == CTRANSLATE2


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


@pytest.mark.parametrize(
    ("wanted", "stand_in"), [("bfloat16", "float32"), ("float32", "float32"), ("auto", "auto")]
)
def test_a_library_that_stands_in_computes_in_a_format_it_has(wanted: Any, stand_in: str):
    """After one death of an engine in bfloat16 none could be started any more, and every request
    was a 503 until the server was started again."""
    libraries = Libraries(Settings(engine="openvino", compute_type=wanted), CACHE)
    assert libraries.compute_type(MODEL, OPENVINO) == wanted
    assert libraries.compute_type(MODEL, CTRANSLATE2) == wanted  # it has to say that it cannot
    libraries.fail(MODEL, "its engine died")
    assert libraries.compute_type(MODEL, CTRANSLATE2) == stand_in
    assert libraries.compute_type(OTHER, CTRANSLATE2) == wanted


def test_auto_is_what_was_measured_for_this_very_model(model: Path, tmp_path: Path):
    pytest.importorskip("openvino")
    libraries = auto(tmp_path)
    assert libraries.of(model, "cpu") is None
    assert libraries.of(model, "cuda") == CTRANSLATE2
    assert libraries.keep(model, measured("openvino")) == libraries.openvino
    again = auto(tmp_path)
    assert again.of(model, "cpu") == libraries.openvino
    assert again.keep(model, measured("ctranslate2")) == CTRANSLATE2
    assert again.of(model, "cpu") == CTRANSLATE2
    for other in ({"threads": 1000}, {"compute_type": "float32"}):
        assert auto(tmp_path, **other).of(model, "cpu") is None
    (model / "model.bin").write_bytes(b"other weights")
    assert again.of(model, "cpu") is None


def test_nothing_is_measured_unasked_where_it_would_not_pay(model: Path, tmp_path: Path):
    """A measurement that somebody asked for counts all the same."""
    pytest.importorskip("openvino")
    (tmp_path / "file").touch()
    with (model / "model.bin").open("r+b") as weights:
        weights.truncate(MAX_MEASURED_BYTES + 1)  # of which nothing is stored
        assert auto(tmp_path).of(model, "cpu") == CTRANSLATE2
        weights.truncate(64 * 1024 * 1024)
    assert auto(tmp_path).of(model, "cpu") is None
    for libraries in (
        auto(tmp_path, gains=False),
        auto(tmp_path / "file"),
        auto(tmp_path, memory_mb=1024),
    ):
        assert libraries.of(model, "cpu") == CTRANSLATE2
    auto(tmp_path).keep(model, measured("openvino"))
    for gains in (False, True):
        assert auto(tmp_path, gains=gains).of(model, "cpu") == auto(tmp_path).openvino


def test_auto_is_ctranslate2_where_there_is_nothing_else(monkeypatch):
    """Patched, because tests run where both are installed."""
    monkeypatch.setattr(libraries_module, "has_openvino", lambda: False)
    assert auto(CACHE).of(MODEL, "cpu") == CTRANSLATE2
