"""The real network, where ``make test`` puts it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from auricle.models import registry
from auricle.models.fetch import FetchOptions, obtain
from auricle.models.progress import Bar
from auricle.settings.config import Settings
from auricle.turn_taking.network import EndOfTurn


def folder() -> Path:
    return obtain(registry.TURNS, FetchOptions.of(Settings()), Bar())


@cache
def real() -> EndOfTurn:
    return EndOfTurn.load(folder())
