"""What models are computed with: the library that is asked for, and the other when it fails."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from auricle.config import Settings, load
from auricle.engine.model import CTRANSLATE2, Library
from auricle.hosting.libraries import Libraries

MODEL, OTHER, CACHE = Path("model"), Path("other"), Path("cache")
OPENVINO = Library("openvino", CACHE / "graphs")


@dataclass
class Engine:
    died: bool = False


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
        "from now on, model is computed with CTranslate2 instead of OpenVINO"
    ]
    libraries.started(MODEL, CTRANSLATE2, Engine(died=True))
    assert libraries.of(MODEL, "cpu") == CTRANSLATE2
    assert libraries.of(OTHER, "cpu") == OPENVINO


def test_values_that_the_setting_had_before_still_mean_what_they_did():
    assert load({"engine": "in_process"}, {}).engine_place == "in_process"
    assert load({}, {"AURICLE_ENGINE": "process"}).engine_place == "process"
    assert load({"engine": "openvino"}, {}).engine == "openvino"
