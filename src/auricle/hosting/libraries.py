"""Which library each model is computed with: as the settings say, until one fails.

Knows nothing about how engines are started. On a GPU it is always CTranslate2.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from auricle.config import Settings
from auricle.engine.model import CTRANSLATE2, Library

_log = logging.getLogger(__name__)

GRAPHS = "graphs"
"""Folder of the cache in which compiled graphs are kept."""


class Mortal(Protocol):
    """An engine that can end by itself."""

    died: bool


class Libraries:
    """What models are computed with in this process."""

    def __init__(self, settings: Settings, cache: Path) -> None:
        self._engine = settings.engine
        self._graphs = cache / GRAPHS
        self._started: dict[Path, list[Mortal]] = {}
        self._failed: set[Path] = set()

    def of(self, path: Path, device: str) -> Library:
        """The library for the model of a folder. One whose engine in OpenVINO died, whatever the
        reason, is read by the other from then on."""
        if self._engine != "openvino" or device == "cuda":
            return CTRANSLATE2
        if any(engine.died for engine in self._started.pop(path, ())):
            _log.error("from now on, %s is computed with CTranslate2 instead of OpenVINO", path)
            self._failed.add(path)
        return CTRANSLATE2 if path in self._failed else Library("openvino", self._graphs)

    def started(self, path: Path, library: Library, engine: Mortal) -> None:
        """Remember an engine that was started for the folder."""
        if library.name == "openvino":
            self._started.setdefault(path, []).append(engine)
