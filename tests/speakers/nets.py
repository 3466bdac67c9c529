"""Networks of the right shapes with random weights, and the real ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.models import registry
from auricle.models.fetch import FetchOptions, obtain
from auricle.models.progress import Bar
from auricle.settings.config import Settings
from auricle.speakers.diarization import Networks

Tensors = dict[str, NDArray[np.float32]]


def folder() -> Path:
    """The real networks in the user's cache, where ``make test`` puts them."""
    return obtain(registry.SPEAKERS, FetchOptions.of(Settings()), Bar())


@cache
def real() -> Networks:
    return Networks.load(folder())


def segmentation() -> Tensors:
    rng = np.random.default_rng(1)
    shapes = {
        "sincnet.wav_norm1d.weight": (1,),
        "sincnet.wav_norm1d.bias": (1,),
        "sincnet.conv1d.1.weight": (60, 80, 5),
        "sincnet.conv1d.1.bias": (60,),
        "sincnet.conv1d.2.weight": (60, 60, 5),
        "sincnet.conv1d.2.bias": (60,),
        "linear.0.weight": (128, 8),
        "linear.0.bias": (128,),
        "linear.1.weight": (128, 128),
        "linear.1.bias": (128,),
        "classifier.weight": (7, 128),
        "classifier.bias": (7,),
    }
    for i, n in enumerate((80, 60, 60)):
        shapes |= {f"sincnet.norm1d.{i}.weight": (n,), f"sincnet.norm1d.{i}.bias": (n,)}
    for i, n_in in enumerate((60, 8, 8, 8)):
        for way in (f"l{i}", f"l{i}_reverse"):
            shapes |= {f"lstm.weight_ih_{way}": (16, n_in), f"lstm.weight_hh_{way}": (16, 4)}
            shapes |= {f"lstm.bias_ih_{way}": (16,), f"lstm.bias_hh_{way}": (16,)}
    weights = {name: _random(rng, shape) for name, shape in shapes.items()}
    half = 2 * np.pi * np.arange(-125, 0) / 16_000
    name = "sincnet.conv1d.0.filterbank."
    return {
        **weights,
        name + "n_": half[None].astype(np.float32),
        name + "window_": np.hamming(251)[:125].astype(np.float32),
        name + "low_hz_": np.linspace(30, 7000, 40, dtype=np.float32)[:, None],
        name + "band_hz_": np.full((40, 1), 100, np.float32),
    }


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    fan_in = int(np.prod(shape[1:])) or 1
    return np.asarray(rng.standard_normal(shape) / np.sqrt(fan_in), np.float32)
