"""Which models a request may name, and where their files are.

Knows nothing about what is loaded. A request never makes the server read a folder it names, nor
fetch a repository nobody registered: what it can have is the model the server was started with,
the registered ones, and what the operator put into the cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from auricle.errors import ModelNotFound
from auricle.models import cache, registry
from auricle.models.checkpoint import Checkpoint, inspect
from auricle.models.fetch import FetchOptions, locate, on_this_machine
from auricle.models.progress import Progress
from auricle.models.registry import Model
from auricle.settings.config import Settings

SHOWN_CHARS = 80
"""How much of an unknown name an error message repeats."""


@dataclass(frozen=True)
class Catalog:
    """Finds models by name. Every method but `find_default` may be called from the event loop."""

    settings: Settings
    fetching: FetchOptions
    progress: Progress | None = None

    def find_default(self, device: Literal["cpu", "cuda"]) -> Checkpoint:
        """The model the server was started with, fetched if need be. Raises what `locate` does."""
        name = str(self.settings.model_path or self.settings.model)
        if registry.is_default_alias(name):
            name = registry.default_model(device)
        return locate(name, self.settings, progress=self.progress)

    async def names(self) -> list[str]:
        """The models on this machine, registered ones first. None where none may be loaded."""
        if not self.settings.load_on_request:
            return []
        return await asyncio.to_thread(self._names)

    async def lookup(self, name: str, asked: str = "") -> tuple[str, Callable[[], Checkpoint]]:
        """The one name of a model that a request may have, and what finds its files (it blocks).
        ``asked`` is how the client spells it, for messages, if not so.

        Raises:
            ModelNotFound: nobody knows it, or it is not on this machine and may not be fetched.
        """
        asked = asked or name
        model = registry.resolve(name)
        if model is None:
            return await asyncio.to_thread(self._lookup_cached, name, asked)
        fetches = self.settings.fetch_on_request and not self.fetching.offline
        if not fetches and not await asyncio.to_thread(on_this_machine, model, self.fetching):
            called = "" if asked.strip() == model.id else f", here called `{model.id}`,"
            raise not_found(
                f"The model `{shown(asked)}`{called} is not on this server's machine. Its operator "
                f"can add it with 'auricle models download {model.id}', or let requests fetch "
                "models with the setting fetch_on_request."
            )
        settings = replace(self.settings, offline=not fetches)
        return model.id, lambda: locate(model.id, settings, progress=self.progress)

    def _names(self) -> list[str]:
        registered = [model.id for model in registry.models() if self._has(model)]
        return registered + [name for name in self._cached() if registry.resolve(name) is None]

    def _cached(self) -> list[str]:
        """What the operator put into the cache, as far as it can be served."""
        names = (entry.name for entry in cache.entries(self.fetching.cache))
        return [name for name in names if name not in registry.AUXILIARY]

    def _has(self, model: Model) -> bool:
        return on_this_machine(model, self.fetching) is not None

    def _lookup_cached(self, name: str, asked: str) -> tuple[str, Callable[[], Checkpoint]]:
        """A hub id or a converted folder that the operator put into the cache under this name."""
        wanted = name.strip().removeprefix("hf:")
        if wanted not in self._cached():
            raise not_found(
                f"The model `{shown(asked)}` does not exist or you do not have access to it."
            )
        folder = self.fetching.cache / cache.folder_name(wanted)
        return wanted, lambda: inspect(folder, wanted)


def shown(name: str) -> str:
    """A name as a message repeats it."""
    return name if len(name) <= SHOWN_CHARS else name[:SHOWN_CHARS] + "…"


def not_found(message: str) -> ModelNotFound:
    return ModelNotFound(message, code="model_not_found")
