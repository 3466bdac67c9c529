"""The memory that loaded models share: who gets room, and who has to go for it.

Knows nothing about how a model is loaded or unloaded. For the event loop only.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from auricle.errors import Unavailable
from auricle.hosting.managed_model import ManagedModel
from auricle.hosting.memory import MIB
from auricle.telemetry.observe import Observer

RETRY_WHEN_FULL_S = 5.0

_log = logging.getLogger(__name__)


class NoRoom(Unavailable):
    """The memory budget has no room for the model, at least not now."""


class MemoryBudget:
    """``limit_bytes`` for the models of a server together; None: no limit. ``unload`` ends when the
    model's memory is free. One `reserve` at a time."""

    def __init__(
        self,
        models: Mapping[str, ManagedModel],
        limit_bytes: int | None,
        *,
        pins_default: bool,
        unload: Callable[[ManagedModel], Awaitable[object]],
        observer: Observer,
    ) -> None:
        self.limit_bytes = limit_bytes
        self._models = models
        self._pins_default = pins_default
        self._unload = unload
        self._observer = observer

    async def reserve(self, model: ManagedModel, needed_bytes: int) -> None:
        """Reserve memory for a model, unloading idle ones for it, least recently used first.

        Raises:
            NoRoom: no amount of unloading makes room. The model the server was started with is
                loaded all the same.
        """
        if self.limit_bytes is not None:
            await self._make_room(model, needed_bytes, self.limit_bytes)
        model.reserved_bytes = needed_bytes

    async def _make_room(self, model: ManagedModel, needed_bytes: int, limit_bytes: int) -> None:
        self._check(model, needed_bytes, limit_bytes)
        while self._taken_bytes() + needed_bytes > limit_bytes:
            idle = [other for other in self._models.values() if self._may_go(other)]
            if not idle:  # one was taken into use meanwhile
                self._check(model, needed_bytes, limit_bytes)
                return
            self._observer.count("models_evicted")
            await self._unload(min(idle, key=lambda other: other.last_use))

    def _check(self, model: ManagedModel, needed_bytes: int, limit_bytes: int) -> None:
        others = list(self._models.values())
        kept = sum(other.memory_bytes for other in others if not self._may_go(other))
        if kept + needed_bytes <= limit_bytes:
            return
        text = f"The model `{model.title}` needs about {needed_bytes // MIB} MiB"
        if model.is_default:
            _log.warning("%s; the memory budget is %d MiB", text, limit_bytes // MIB)
            return
        pinned = sum(other.memory_bytes for other in others if self._is_pinned(other))
        fits_later = pinned + needed_bytes <= limit_bytes
        raise NoRoom(
            f"{text}, and {kept // MIB} MiB of this server's memory budget of "
            f"{limit_bytes // MIB} MiB (memory_mb) are "
            + ("in use; try again later." if fits_later else "taken for good."),
            code="memory_budget",
            retry_after_s=RETRY_WHEN_FULL_S if fits_later else None,
        )

    def _is_pinned(self, model: ManagedModel) -> bool:
        return model.is_default and self._pins_default

    def _may_go(self, model: ManagedModel) -> bool:
        return model.is_idle and not self._is_pinned(model)

    def _taken_bytes(self) -> int:
        return sum(model.memory_bytes for model in self._models.values())
