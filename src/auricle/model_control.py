"""What clients do with models by name: load them, unload them, and see how each is.

Knows nothing about recordings, or how a model is loaded.
"""

from __future__ import annotations

from dataclasses import replace

from auricle.hosting import speaker_host
from auricle.hosting.managed_model import ManagedModel
from auricle.hosting.manager import ModelManager
from auricle.hosting.names import ModelNames
from auricle.hosting.speaker_host import SpeakerHost
from auricle.models import registry
from auricle.settings.config import Settings
from auricle.speech_runtime import ModelStatus
from auricle.whisper.languages import NAMES


class ModelControl:
    """For the event loop only."""

    def __init__(
        self,
        settings: Settings,
        names: ModelNames,
        manager: ModelManager,
        speakers: SpeakerHost,
    ) -> None:
        self._load_wait_s = settings.load_wait_s
        self._names = names
        self._manager = manager
        self._speakers = speakers

    async def load(self, name: str, key: str = "") -> ModelStatus:
        """Load a model that is on this machine, or may be fetched.

        Raises:
            ModelNotFound: nobody knows the name, or the model cannot be had here.
            Forbidden: the client may not use it.
            Unavailable: see `ModelManager.using`.
        """
        if speaker_host.is_named(name):
            await self._speakers.load(self._load_wait_s)
            return _of_speakers(self._speakers)
        managed = await self._names.known(name)
        self._names.check(key, name, managed)
        await self._manager.load(managed, wait_s=self._load_wait_s)
        return self._status(managed)

    async def unload(self, name: str, key: str = "") -> ModelStatus:
        """Give a model's memory back to the system; fine if it is not loaded.

        Raises:
            ModelNotFound, Forbidden: see `load`.
            InvalidRequest: it is in use.
        """
        if speaker_host.is_named(name):
            await self._speakers.unload()
            return _of_speakers(self._speakers)
        managed = await self._names.known(name)
        self._names.check(key, name, managed)
        await self._manager.unload(managed)
        return self._status(managed)

    async def status(self, name: str) -> ModelStatus:
        """How one model is; also of the one that tells speakers apart, which transcribes nothing.
        Raises `ModelNotFound`."""
        if speaker_host.is_named(name):
            return _of_speakers(self._speakers)
        return self._status(await self._names.find(name))

    async def statuses(self) -> list[ModelStatus]:
        """Every model that a request can have now, the one it was started with first."""
        default, *others = self._manager.models.values()
        found = {self._names.default_name: self._status(default)}
        for managed in others:
            if managed.state != "unloaded":
                found.setdefault(self._names.of(managed), self._status(managed))
        for name in await self._names.catalog.names():
            hosted_or_none = self._manager.models.get(name)
            status = ModelStatus(name, "unloaded", languages=languages(name))
            found.setdefault(name, self._status(hosted_or_none) if hosted_or_none else status)
        return list(found.values())

    def _status(self, managed: ManagedModel) -> ModelStatus:
        return _of_model(self._names.of(managed), managed)


def _of_model(name: str, managed: ManagedModel) -> ModelStatus:
    """One that may be loaded, by the name it has for clients."""
    info = managed.info
    error = managed.failure or managed.engine_failure
    failure = None if error is None else str(error)
    known = managed.checkpoint.languages if managed.checkpoint else languages(name)
    status = ModelStatus(name, managed.state, failure, managed.memory_bytes, managed.n_users)
    status = replace(status, languages=known)
    if info is None or managed.reading is None:
        return status
    return replace(
        status,
        n_windows=managed.reading.queue.n_windows,
        device=info.device,
        compute_type=info.compute_type,
        retried=managed.reading.read_again.share,
        backlog_s=managed.reading.queue.backlog_s,
    )


def _of_speakers(host: SpeakerHost) -> ModelStatus:
    """The one that tells speakers apart."""
    failure = None if host.failure is None else str(host.failure)
    device = "cpu" if host.state == "ready" else None
    status = ModelStatus(speaker_host.NAME, host.state, failure, host.memory_bytes, host.n_users)
    return replace(status, device=device)


def languages(name: str) -> tuple[str, ...] | None:
    """What a registered model knows; the names are in the order of Whisper's vocabularies."""
    known = registry.resolve(name)
    return None if known is None else tuple(NAMES)[: known.languages]
