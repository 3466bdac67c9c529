"""``auricle doctor --tune``: measure which engine is faster with a model on this machine.

Knows nothing about how that is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

from auricle.engine import machine
from auricle.engine.loading import has_openvino
from auricle.engine.model import CTRANSLATE2
from auricle.engine.openvino.shape import COMPUTE_TYPES
from auricle.errors import BadSetting
from auricle.hosting import engines, trial
from auricle.hosting.libraries import Libraries
from auricle.hosting.trial import Measured, Timing
from auricle.models import registry
from auricle.models.fetch import FetchOptions, locate
from auricle.settings.config import Settings


def tune(settings: Settings) -> None:
    """Measure, and keep what was found.

    Raises:
        BadSetting: there is only one engine.
        AuricleError: the model is not on this machine, or cannot be read.
    """
    if not has_openvino():
        raise BadSetting(
            "there is only one engine to measure; pip install 'auricle[openvino]' brings the other"
        )
    cache = FetchOptions.of(settings).cache
    name = str(settings.model_path or settings.model)
    if registry.is_default_alias(name):
        name = registry.default_model("cpu")
    checkpoint = locate(name, settings)
    libraries = Libraries(settings, cache)
    found = asyncio.run(engines.measured(checkpoint.path, settings, libraries))
    libraries.keep(checkpoint.path, found)


def described(
    settings: Settings, path: Path, gains: Callable[[], bool] = machine.gains_from_openvino
) -> str:
    """Which engine would be used for the model in the folder ``path`` on a processor, and why.
    ``gains``: whether OpenVINO is likely to be the faster one."""
    if settings.engine != "auto":
        return settings.engine
    if not has_openvino():
        return "ctranslate2, because the extra openvino is not installed"
    cache = FetchOptions.of(settings).cache
    found = trial.known(cache, path, settings.compute_type, settings.threads)
    if found is None and Libraries(settings, cache, gains).of(path, "cpu") == CTRANSLATE2:
        return "ctranslate2, unless `auricle doctor --tune` finds the other to be faster"
    if found is None:
        return "the faster one, measured at the first start, or now with `auricle doctor --tune`"
    return f"{found.library}: {found.reason} ({_times(found)}; {found.day})"


def compute_types(
    settings: Settings,
    of_ctranslate2: Collection[str],
    gains: Callable[[], bool] = machine.gains_from_openvino,
) -> set[str]:
    """Number formats that a processor can compute in with what the settings let compute, given
    those that CTranslate2 has there."""
    if settings.engine == "openvino" and has_openvino():
        return set(COMPUTE_TYPES)
    if settings.engine == "auto" and has_openvino() and gains():
        return {*of_ctranslate2, *COMPUTE_TYPES}
    return set(of_ctranslate2)


def _times(found: Measured) -> str:
    return ", ".join(f"{library} {_time(each)}" for library, each in found.figures.items())


def _time(figures: Timing) -> str:
    if figures.failure or not figures.together_s:
        return figures.failure or f"{figures.one_s:.2f} s"
    return f"{figures.one_s:.2f} and {figures.together_s:.2f} s"
