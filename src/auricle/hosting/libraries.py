"""Which library each model is computed with: as the settings say, until one fails.

Knows nothing about how engines are started or measured. On a GPU it is always CTranslate2.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from auricle.engine import machine
from auricle.engine.loading import has_openvino
from auricle.engine.model import CTRANSLATE2, Library
from auricle.hosting import memory, trial
from auricle.hosting.trial import Measured
from auricle.models.checkpoint import weights_bytes
from auricle.settings.config import Settings

_log = logging.getLogger(__name__)

GRAPHS = "graphs"
"""Folder of the cache in which compiled graphs are kept."""


MAX_MEASURED_BYTES = 1024 * 1024 * 1024
"""Weights of up to this size, small's, are measured at the first start; making graphs of larger
ones takes minutes."""


STAND_INS = {"bfloat16": "float32"}
"""Formats that only OpenVINO has on processors, and what CTranslate2 computes in where it stands in
for an engine that failed in one of them: no less exact."""


class StartedEngine(Protocol):
    """Whether an engine has ended by itself."""

    died: bool


class Libraries:
    """What models are computed with in this process."""

    def __init__(
        self,
        settings: Settings,
        cache: Path,
        gains: Callable[[], bool] = machine.gains_from_openvino,
    ) -> None:
        """``gains``: whether OpenVINO is likely to be the faster one."""
        self.measuring = asyncio.Lock()
        """Held by whoever measures, for two at a time would measure each other."""
        self._settings = settings
        self._cache = cache
        self._gains = gains
        self._started: dict[Path, list[StartedEngine]] = {}
        self._failed: set[Path] = set()

    @property
    def openvino(self) -> Library:
        return Library("openvino", self._cache / GRAPHS)

    def of(self, path: Path, device: str) -> Library | None:
        """The library for the model of a folder; None: it must be measured. A model whose engine in
        OpenVINO died, whatever the reason, is read by the other from then on."""
        engine = self._settings.engine
        if device == "cuda" or engine == "ctranslate2":
            return CTRANSLATE2
        if engine == "auto" and not has_openvino():
            return CTRANSLATE2
        if any(each.died for each in self._started.pop(path, ())):
            self.fail(path, "its engine died")
        if path in self._failed:
            return CTRANSLATE2
        if engine == "openvino":
            return self.openvino
        if (found := self._measured(path)) is not None:
            return found
        return None if self._is_worth_measuring(path) else CTRANSLATE2

    def compute_type(self, path: Path, library: Library) -> str:
        """The number format for the model of a folder: as the settings say, unless the library
        stands in for one that failed, and lacks that format."""
        wanted = self._settings.compute_type
        stands_in = library == CTRANSLATE2 and path in self._failed
        return STAND_INS.get(wanted, wanted) if stands_in else wanted

    def started(self, path: Path, library: Library, engine: StartedEngine) -> None:
        """Remember an engine that was started for the folder."""
        if library.name == "openvino":
            self._started.setdefault(path, []).append(engine)

    def fail(self, path: Path, why: object) -> None:
        """OpenVINO is no good for the model of a folder, until the server starts again."""
        _log.error(
            "from now on, %s is computed with CTranslate2 instead of OpenVINO: %s", path, why
        )
        self._failed.add(path)

    def keep(self, path: Path, found: Measured) -> Library:
        """Remember a measurement of the folder's model; the library it speaks for."""
        settings = self._settings
        trial.keep(self._cache, path, settings.compute_type, settings.threads, found)
        _log.info("%s is computed with %s: %s", found.model, found.library, found.reason)
        return self._named(found)

    def _measured(self, path: Path) -> Library | None:
        settings = self._settings
        found = trial.known(self._cache, path, settings.compute_type, settings.threads)
        return None if found is None else self._named(found)

    def _is_worth_measuring(self, path: Path) -> bool:
        """Whether to measure without being asked to, which must neither take minutes nor more
        memory than there is, nor be done at every start."""
        n_bytes = weights_bytes(path)
        budget = memory.budget_bytes(self._settings.memory_mb)
        return (
            self._gains()
            and n_bytes <= MAX_MEASURED_BYTES
            and (budget is None or memory.trial_bytes(n_bytes) <= budget)
            and trial.can_keep(self._cache)
        )

    def _named(self, found: Measured) -> Library:
        return self.openvino if found.library == "openvino" else CTRANSLATE2
