"""The models that can be put on this server's machine: ``GET /v1/downloads``, and starting and
ending a download by ``/v1/models/{id}/download``.

Knows nothing about where files come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle.errors import Forbidden
from auricle.grants import Grants
from auricle.hosting import downloads, memory
from auricle.hosting.downloads import DownloadStatus
from auricle.models import registry
from auricle.models.registry import Model
from auricle.server import errors
from auricle.server.transport import context
from auricle.server.transport.listeners import is_loopback
from auricle.speech_runtime import SpeechRuntime

NOT_HERE = (
    "Models are downloaded for those who are on the server's own machine. Its operator can do it "
    "with 'auricle models download', or let everybody with the setting fetch_on_request."
)
OFFLINE = "The server is offline (settings offline and sources): nothing can be downloaded."


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """A known model and its files: on this machine (``here``), on their way, or not (``absent``,
    ``cancelled`` or ``failed``). What a hub has sent counts on when it is started again. Of a
    package more may come than the ``bytes`` of the model: it holds other files, too."""

    id: str
    object: Literal["download"] = "download"
    state: Literal["absent", "downloading", "here", "cancelled", "failed"]
    bytes: int
    """Of all its files."""
    received_bytes: int
    reason: str | None
    """Why it failed."""
    transcribes: bool
    """Or else tells speakers or the ends of turns."""
    languages: int | None
    """How many it knows; 1 is English."""
    translates: bool
    memory_mb: int | None
    """What it takes when it is loaded, about."""
    fits: bool | None
    """Whether the memory that models may take has room for it, when no other is loaded."""


class DownloadList(msgspec.Struct, frozen=True):
    """Every known model. ``refusal`` says why this client cannot start downloads, if so."""

    data: tuple[Download, ...]
    refusal: str | None
    object: Literal["list"] = "list"


class Downloads:
    """Clients on this machine may start downloads, others where requests may fetch models."""

    def __init__(self, runtime: SpeechRuntime, grants: Grants) -> None:
        self._runtime = runtime
        self._grants = grants
        self._budget_bytes = memory.budget_bytes(runtime.settings.memory_mb)

    async def listed(self, request: Request) -> Response:
        found = await self._runtime.downloads.listed()
        refusal = None if self._runtime.downloads.are_possible else OFFLINE
        if not self._may(request):
            refusal = NOT_HERE
        return errors.json_response(DownloadList(tuple(map(self._shown, found)), refusal))

    async def start(self, request: Request) -> Response:
        return self._answer(await self._runtime.downloads.start(self._asked(request)))

    async def cancel(self, request: Request) -> Response:
        return self._answer(await self._runtime.downloads.cancel(self._asked(request)))

    def _answer(self, found: DownloadStatus) -> Response:
        is_coming = found.state == "downloading"
        status = HTTPStatus.ACCEPTED if is_coming else HTTPStatus.OK
        return errors.json_response(self._shown(found), status=status)

    def _may(self, request: Request) -> bool:
        host = request.client.host if request.client else ""
        return self._runtime.settings.fetch_on_request or is_loopback(host)

    def _asked(self, request: Request) -> str:
        """The name of the model that is asked for, by somebody who may ask."""
        if not self._may(request):
            raise Forbidden(NOT_HERE, code="download_not_allowed")
        name: str = request.path_params["id"]
        names = self._grants.grant_of(context.of(request.scope).client).models
        if not _allowed(downloads.named(name).id, names):
            raise Forbidden(
                f"This API key may not use the model `{downloads.named(name).id}`.",
                param="model",
                code="model_not_allowed",
            )
        return name

    def _shown(self, found: DownloadStatus) -> Download:
        weights, needed = found.weights, found.memory_bytes
        model = weights if isinstance(weights, Model) else None
        return Download(
            id=weights.id,
            state=found.state,
            bytes=weights.download_bytes,
            received_bytes=found.received_bytes,
            reason=found.failure,
            transcribes=model is not None,
            languages=None if model is None else model.languages,
            translates=model is not None and model.translates,
            memory_mb=None if needed is None else round(needed / memory.MIB),
            fits=self._fits(needed),
        )

    def _fits(self, needed_bytes: int | None) -> bool | None:
        if needed_bytes is None or self._budget_bytes is None:
            return None
        return needed_bytes <= self._budget_bytes


def _allowed(model_id: str, names: Sequence[str]) -> bool:
    """Whether a key that may use the models of these names, all of them if there are none, may
    have one downloaded."""
    return not names or model_id in {
        known.id if (known := registry.resolve(name)) else name for name in names
    }
