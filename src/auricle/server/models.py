"""The models this server answers to: their list, one of them, and whether a name is served.

Knows nothing about audio or how a model is run.
"""

from __future__ import annotations

import time
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle.errors import ModelNotFound
from auricle.models import registry
from auricle.runtime import Runtime
from auricle.server import errors
from auricle.server.fields import shown


class ModelObject(msgspec.Struct, frozen=True):
    """One entry of the model list; ``created`` is when this server started, in Unix seconds."""

    id: str
    created: int
    object: Literal["model"] = "model"
    owned_by: str = "auricle"


class ModelList(msgspec.Struct, frozen=True):
    data: tuple[ModelObject, ...]
    object: Literal["list"] = "list"


def check_model(name: str, runtime: Runtime) -> None:
    """Raise `ModelNotFound` unless ``name`` means the model this server runs."""
    if is_served(name, runtime):
        return
    known = registry.resolve(name)
    if known is not None:
        message = f"The model `{shown(name)}` is not served here; this server runs "
        message += f"`{runtime.model_id}`."
    else:
        message = f"The model `{shown(name)}` does not exist or you do not have access to it."
    raise ModelNotFound(message, code="model_not_found")


def is_served(name: str, runtime: Runtime) -> bool:
    if registry.is_default_alias(name) or name in (runtime.model_id, runtime.settings.model):
        return True
    known = registry.resolve(name)
    return known is not None and known.id == runtime.model_id


class Models:
    """``GET /v1/models`` and one of them: the served model, then the other names it answers to."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._created = int(time.time())

    async def listed(self, _: Request) -> Response:
        ids = [self._runtime.model_id]
        ids += sorted(name for name in registry.SERVED_MODEL_NAMES if "-" in name)
        return errors.json_response(ModelList(tuple(self._model(name) for name in ids)))

    async def one(self, request: Request) -> Response:
        name: str = request.path_params["id"]
        check_model(name, self._runtime)
        return errors.json_response(self._model(name))

    def _model(self, name: str) -> ModelObject:
        return ModelObject(name, self._created)
