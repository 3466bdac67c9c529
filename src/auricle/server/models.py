"""The models this server answers to: their list, how each is, loading and unloading them.

Knows nothing about audio or how a model is run.
"""

from __future__ import annotations

import contextlib
import time
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle.errors import ModelNotFound
from auricle.models import registry
from auricle.server import errors
from auricle.server.transport import context
from auricle.speech_runtime import ModelStatus, SpeechRuntime

MIB = 1024 * 1024


class Queue(msgspec.Struct, frozen=True):
    """What waits for a model: requests, and the windows of audio they were cut into so far."""

    requests: int
    windows: int


class ModelObject(msgspec.Struct, frozen=True):
    """One entry of the model list; ``created`` is when this server started, in Unix seconds.

    From ``root`` on, extensions: the model that answers to this name, how it is, and what is known
    of it while it is not loaded.
    """

    id: str
    created: int
    root: str
    state: Literal["unloaded", "loading", "ready", "unloading", "failed"]
    memory_mb: int
    """What it takes now; as expected while it is being loaded, then measured."""
    queue: Queue
    object: Literal["model"] = "model"
    owned_by: str = "auricle"
    device: str | None = None
    compute_type: str | None = None
    languages: tuple[str, ...] | None = None
    audio_context_retried: float | None = None
    """Share of the windows read with a short audio context that had to be read again in full."""
    reason: str | None = None
    """Why it could not be loaded; the next request tries again."""


class ModelList(msgspec.Struct, frozen=True):
    data: tuple[ModelObject, ...]
    object: Literal["list"] = "list"


class Models:
    """``GET /v1/models``: the model the server was started with, others that can be had, then the
    other names under which a request gets them. One of them; and to load and unload it."""

    def __init__(self, runtime: SpeechRuntime) -> None:
        self._runtime = runtime
        self._created = int(time.time())

    async def listed(self, _: Request) -> Response:
        statuses = await self._runtime.statuses()
        models = [self._model(status.name, status) for status in statuses]
        for alias in self._runtime.aliases:
            with contextlib.suppress(ModelNotFound):  # what is listed can be had
                models.append(self._model(alias, await self._runtime.status(alias)))
        names = sorted(name for name in registry.SERVED_MODEL_NAMES if "-" in name)
        models += [self._model(name, statuses[0]) for name in names]
        return errors.json_response(ModelList(tuple(models)))

    async def one(self, request: Request) -> Response:
        name: str = request.path_params["id"]
        return errors.json_response(self._model(name, await self._runtime.status(name)))

    async def load(self, request: Request) -> Response:
        name: str = request.path_params["id"]
        return errors.json_response(
            self._model(name, await self._runtime.load(name, _client(request)))
        )

    async def unload(self, request: Request) -> Response:
        name: str = request.path_params["id"]
        return errors.json_response(
            self._model(name, await self._runtime.unload(name, _client(request)))
        )

    def _model(self, name: str, status: ModelStatus) -> ModelObject:
        return ModelObject(
            id=name,
            created=self._created,
            root=status.name,
            state=status.state,
            memory_mb=round(status.memory_bytes / MIB),
            queue=Queue(status.n_requests, status.n_windows),
            device=status.device,
            compute_type=status.compute_type,
            languages=status.languages,
            audio_context_retried=None if status.retried is None else round(status.retried, 4),
            reason=status.failure,
        )


def _client(request: Request) -> str:
    return context.of(request.scope).client
