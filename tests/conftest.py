"""Property tests draw the same examples each time, and none has to be quick: whether they pass
depends neither on chance nor on the machine. ``--hypothesis-profile=default`` draws others.
Commands compute with CTranslate2, where "auto" would measure and take the faster engine.

Half a million objects are made while tests are collected, and stay: to look through them for
garbage again and again takes seconds."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "same examples",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("same examples")
os.environ.setdefault("AURICLE_ENGINE", "ctranslate2")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
