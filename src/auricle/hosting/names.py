"""Which model a name in a request means, and who may use it.

Knows nothing about how models are loaded or run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auricle.errors import Forbidden, ModelNotFound
from auricle.grants import Grants
from auricle.hosting.catalog import Catalog, not_found, shown
from auricle.hosting.managed_model import ManagedModel
from auricle.hosting.manager import ModelManager
from auricle.models import registry
from auricle.settings.config import Settings

LISTED_MODELS = 20
"""How many models a message lists that a request may name."""


class Aliases:
    """Names that an operator gives to models, by the setting model_aliases. Each means the name
    behind it, which is not looked up here again."""

    def __init__(self, pairs: Iterable[str]) -> None:
        """``pairs``: texts like ``my-whisper=small``; of two with one alias the last counts."""
        split = [pair.partition("=") for pair in pairs]
        self._meant = {alias.strip().lower(): name.strip() for alias, _, name in split}

    def __iter__(self) -> Iterator[str]:
        return iter(self._meant)

    def meant(self, name: str) -> str:
        """What a name in a request stands for: itself if it is no alias."""
        return self._meant.get(name.strip().lower(), name)


class ModelNames:
    """Names of the model a server was started with, ``default``, of others that are loaded, and of
    those in the ``catalog``, by which they can be."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        models: ModelManager,
        default: ManagedModel,
        grants: Grants,
    ) -> None:
        self.aliases = Aliases(settings.model_aliases)
        self.catalog = catalog
        self._settings = settings
        self._models = models
        self._default = default
        self._grants = grants

    @property
    def default_name(self) -> str:
        """The name of the model the server was started with, as a client may ask for it."""
        checkpoint = self._default.checkpoint
        return self._default.name if checkpoint is None else checkpoint.name

    def of(self, model: ManagedModel) -> str:
        """The name a client may ask for a model by."""
        return self.default_name if model is self._default else model.name

    async def find(self, name: str) -> ManagedModel:
        """The model a request means; the one the server was started with instead of none, where the
        setting unknown_models says so.

        Raises:
            ModelNotFound: nobody knows the name, or the model cannot be had here.
        """
        try:
            return await self.known(name, may_load=self._settings.load_on_request)
        except ModelNotFound as exc:
            if self._settings.unknown_models == "default":
                return self._default
            raise not_found(f"{exc.message} {await self._what_there_is()}") from exc

    async def granted(self, client: str, name: str) -> ManagedModel:
        """The model a request of ``client`` means; see `find`.

        Raises:
            Forbidden: the client may not use it.
        """
        found = await self.find(name)
        self.check(client, name, found)
        return found

    def check(self, client: str, name: str, model: ManagedModel) -> None:
        """Raise `Forbidden` where a client may not use the model it named."""
        allowed = self._grants.grant_of(client).models
        if allowed and not any(self._means(each, model) for each in allowed):
            raise Forbidden(
                f"This API key may not use the model `{shown(name)}`. It may use "
                f"{', '.join(f'`{each}`' for each in allowed)}.",
                param="model",
                code="model_not_allowed",
            )

    async def known(self, name: str, *, may_load: bool = True) -> ManagedModel:
        """The model of that name; ``may_load`` False: only one that is loaded already. Raises
        `ModelNotFound`."""
        meant = self.aliases.meant(name)
        if self._is_default(meant):
            return self._default
        registered = registry.resolve(meant)
        managed = self._models.models.get(registered.id if registered else meant.strip())
        is_loaded = managed is not None and managed.state in ("ready", "loading")
        if managed is not None and managed is not self._default and is_loaded:
            return managed
        if not may_load:
            raise not_found(
                f"The model `{shown(name)}` is not served here. Its operator can load others, or "
                "let requests do it with the setting load_on_request."
            )
        model_id, find = await self.catalog.lookup(meant, name)
        return self._models.add(model_id, find)

    async def _what_there_is(self) -> str:
        """The models a request may name, for a message."""
        loaded = (self.of(model) for model in self._models.loaded)
        names = dict.fromkeys((self.default_name, *loaded, *await self.catalog.names()))
        listed = ", ".join(f"`{each}`" for each in list(names)[:LISTED_MODELS])
        more = ", …" if len(names) > LISTED_MODELS else ""
        return f"This server has {listed}{more}; `whisper-1` stands for `{self.default_name}`."

    def _means(self, name: str, model: ManagedModel) -> bool:
        """Whether an operator who writes ``name`` means the model."""
        meant = self.aliases.meant(name)
        if self._is_default(meant):
            return model is self._default
        registered = registry.resolve(meant)
        return model.name == (registered.id if registered else meant)

    def _is_default(self, name: str) -> bool:
        default = self.default_name
        if registry.is_default_alias(name) or name in (default, self._settings.model):
            return True
        registered = registry.resolve(name)
        return registered is not None and registered.id == default
