"""How Argmax's local server is told to load its model, asked how it is, and ended.

Knows nothing about audio. Programs that start that server themselves ask these paths before they
send it any: init names the model, status says when it is ready.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle import __version__
from auricle.errors import UNDECODABLE, AuricleError, Forbidden, InvalidRequest
from auricle.hosting import managed_model
from auricle.server import errors
from auricle.server.transport import body, context
from auricle.speech_runtime import SpeechRuntime

MAX_BODY_BYTES = 64 * 1024
"""The largest body of an init: a handful of names."""

ServerState = Literal["ready", "initializing", "uninitialized", "unloaded"]

_STATES: dict[managed_model.State, tuple[ServerState, str]] = {
    "unloaded": ("unloaded", "unloaded"),
    "loading": ("initializing", "loading"),
    "ready": ("ready", "loaded"),
    "unloading": ("unloaded", "unloading"),
    "failed": ("uninitialized", "unloaded"),
}
"""How the server and its model are, in the words of its clients."""


class InitRequest(msgspec.Struct, frozen=True, rename="camel"):
    """Its key, repository and folders are not looked at: keys come in headers as everywhere, and
    settings say where models come from and go to."""

    model: str | None = None
    model_folder: str | None = None


class ControlStatus(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The answer of ``GET /v1/status``; ``message`` says why there is no model."""

    status: ServerState
    model: str
    version: str
    model_state: str
    verbose: bool
    message: str | None = None


class Initialized(msgspec.Struct, frozen=True):
    """The answer of ``POST /v1/init``."""

    status: ServerState
    message: str
    model: str
    verbose: bool


class Done(msgspec.Struct, frozen=True):
    """Every other answer; that of an error has the status ``error``."""

    status: str
    message: str


class Control:
    """Acts on the model that ``init`` named last, before that on the one the server was started
    with. ``shut_down`` ends the server; None where no request may."""

    def __init__(self, runtime: SpeechRuntime, shut_down: Callable[[], None] | None) -> None:
        self._runtime = runtime
        self._shut_down = shut_down
        self._named = ""

    async def status(self, _: Request) -> Response:
        """``GET /v1/status``"""
        return await _answered(self._status())

    async def init(self, request: Request) -> Response:
        """``POST /v1/init``: load a model, and wait until it is there."""
        return await _answered(self._init(request))

    async def unload(self, request: Request) -> Response:
        """``POST /v1/unload``: give the model's memory back."""
        return await _answered(self._unload(_client(request)))

    async def reset(self, request: Request) -> Response:
        """``POST /v1/reset``: unload what ``init`` loaded, and load the server's own model anew."""
        return await _answered(self._reset(_client(request)))

    async def shutdown(self, _: Request) -> Response:
        """``POST /v1/shutdown``: finish what was accepted, and end."""
        return await _answered(self._end())

    async def _status(self) -> ControlStatus:
        runtime = self._runtime
        model = await runtime.status(self._named)
        state, model_state = _STATES[model.state]
        message = model.failure
        if runtime.state == "starting":
            state = "initializing"
        elif runtime.failure is not None and not self._named:
            state, message = "uninitialized", str(runtime.failure)
        verbose = runtime.settings.verbose
        return ControlStatus(state, model.name, __version__, model_state, verbose, message)

    async def _init(self, request: Request) -> Initialized:
        runtime = self._runtime
        asked = await _asked(request, runtime.settings.min_upload_bytes_per_s)
        if asked.model_folder and not asked.model:
            raise InvalidRequest(
                "No request makes this server read a folder ('modelFolder'); name a model in "
                "'model', or none for the one the server was started with.",
                param="modelFolder",
            )
        name = asked.model or ""
        loaded = await runtime.load(name, _client(request))
        self._named = name
        message = f"The model {loaded.name} is loaded."
        return Initialized("ready", message, loaded.name, runtime.settings.verbose)

    async def _unload(self, client: str) -> Done:
        unloaded = await self._runtime.unload(self._named, client)
        return Done("unloaded", f"The model {unloaded.name} is unloaded.")

    async def _reset(self, client: str) -> Done:
        for name in {self._named, ""}:
            await self._runtime.unload(name, client)
        self._named = ""
        loaded = await self._runtime.load("", client)
        return Done("ready", f"The model {loaded.name} is loaded anew.")

    async def _end(self) -> Done:
        if self._shut_down is None:
            raise Forbidden(
                "A request may not end this server; the setting allow_shutdown lets it."
            )
        self._shut_down()
        return Done("stopping", "The server finishes what it accepted, and ends.")


async def _asked(request: Request, min_bytes_per_s: int) -> InitRequest:
    pieces = body.pieces(request, MAX_BODY_BYTES, min_bytes_per_s)
    text = b"".join([piece async for piece in pieces])
    try:
        return msgspec.json.decode(text or b"{}", type=InitRequest)
    except UNDECODABLE as exc:
        raise InvalidRequest(f"The body is not the JSON object of an init: {exc}.") from exc


async def _answered(work: Coroutine[Any, Any, msgspec.Struct]) -> Response:
    """The answer, or the error as these clients read it: they know 400, and 409 for what may work
    when asked again."""
    try:
        return errors.json_response(await work)
    except AuricleError as exc:
        status = exc.status if exc.status in (403, 413) else 400
        headers = {}
        if exc.retry_after_s is not None:
            status, headers = 409, {"retry-after": str(max(1, math.ceil(exc.retry_after_s)))}
        return errors.json_response(Done("error", exc.message), status=status, headers=headers)


def _client(request: Request) -> str:
    return context.of(request.scope).client
