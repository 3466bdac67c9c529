"""``auricle doctor`` says what would compute, and why; with ``--tune`` it finds out."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.diagnosis import tuning
from auricle.errors import BadSetting
from auricle.hosting import trial
from auricle.hosting.trial import Measured, Timing
from auricle.settings.config import EngineName, Settings
from auricle.types import LibraryName


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")
    return folder


def test_an_engine_that_was_named_is_told(model: Path):
    assert tuning.described(Settings(engine="ctranslate2"), model) == "ctranslate2"
    assert tuning.described(Settings(engine="openvino"), model) == "openvino"


def test_what_was_measured_is_told(model: Path, tmp_path: Path):
    pytest.importorskip("openvino")
    settings = Settings(engine="auto", cache_dir=tmp_path)
    assert tuning.described(settings, model, lambda: True) == (
        "the faster one, measured at the first start, or now with `auricle doctor --tune`"
    )
    assert tuning.described(settings, model, lambda: False) == (
        "ctranslate2, unless `auricle doctor --tune` finds the other to be faster"
    )
    found = Measured(
        "ctranslate2",
        "OpenVINO failed: no such instruction",
        {"ctranslate2": Timing(1.234, 3.0), "openvino": Timing(failure="no such instruction")},
        "2026-11-29",
        "tiny",
    )
    trial.keep(tmp_path, model, "auto", 0, found)
    assert tuning.described(settings, model) == (
        "ctranslate2: OpenVINO failed: no such instruction "
        "(ctranslate2 1.23 and 3.00 s, openvino no such instruction; 2026-11-29)"
    )


def test_a_measurement_that_was_cut_short_has_one_time(model: Path, tmp_path: Path):
    pytest.importorskip("openvino")
    figures: dict[LibraryName, Timing] = {"ctranslate2": Timing(2.0), "openvino": Timing(1.0)}
    found = Measured("openvino", "OpenVINO is fast", figures, "2026-11-30", "small")
    trial.keep(tmp_path, model, "auto", 0, found)
    assert tuning.described(Settings(cache_dir=tmp_path), model) == (
        "openvino: OpenVINO is fast (ctranslate2 2.00 s, openvino 1.00 s; 2026-11-30)"
    )


OF_CTRANSLATE2 = ("float32", "int8")


@pytest.mark.parametrize(
    ("engine", "gains", "allowed"),
    [
        ("ctranslate2", True, {"float32", "int8"}),
        ("auto", False, {"float32", "int8"}),
        ("auto", True, {"bfloat16", "float32", "int8", "int8_float32"}),
        ("openvino", False, {"bfloat16", "float32", "int8", "int8_float32"}),
    ],
)
def test_formats_are_those_of_what_may_compute(engine: EngineName, gains: bool, allowed: set[str]):
    """doctor said that bfloat16 was impossible, and serve started with it all the same."""
    pytest.importorskip("openvino")
    settings = Settings(engine=engine)
    assert tuning.compute_types(settings, OF_CTRANSLATE2, lambda: gains) == allowed


def test_without_the_extra_there_is_nothing_to_measure(model: Path, monkeypatch):
    """Patched, because tests run where both are installed."""
    monkeypatch.setattr(tuning, "has_openvino", lambda: False)
    assert tuning.described(Settings(engine="auto"), model) == (
        "ctranslate2, because the extra openvino is not installed"
    )
    assert tuning.compute_types(Settings(engine="openvino"), OF_CTRANSLATE2) == {"float32", "int8"}
    with pytest.raises(BadSetting, match=r"pip install 'auricle\[openvino\]' brings the other"):
        tuning.tune(Settings())
