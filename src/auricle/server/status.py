"""How the server is: for probes, load balancers and people who open its address.

Knows nothing about requests or audio.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from auricle import __version__
from auricle.server import errors
from auricle.server.readiness import Readiness
from auricle.server.transport.in_flight import InFlight
from auricle.speech_runtime import SpeechRuntime

RETRY_S = 2
"""When a probe should look again at a server that is not ready."""


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer of ``GET /health``, about the model the server was started with. ``reason`` says
    why it could not be loaded; ``loaded`` lists the models in memory."""

    status: Literal["ok", "starting", "failed", "stopping"]
    model: str
    version: str
    ready: bool
    reason: str | None = None
    loaded: tuple[str, ...] = ()


class Service(msgspec.Struct, frozen=True):
    """The answer of ``GET /``."""

    service: str
    version: str
    status: Literal["ok", "starting", "failed", "stopping"]
    model: str
    endpoints: tuple[str, ...]


class Status:
    """``GET /health``, ``GET /livez``, ``GET /readyz`` and ``GET /``."""

    def __init__(self, runtime: SpeechRuntime, in_flight: InFlight) -> None:
        self._runtime = runtime
        self._in_flight = in_flight
        self._readiness = Readiness(runtime, runtime.settings.proof_s)

    async def live(self, _: Request) -> Response:
        """The process answers: all that this says. Who restarts it for more, restarts too much."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """As `health`, after the model has shown lately that it reads."""
        health = self._health()
        if health.ready and (doubt := await self._readiness.doubt()) is not None:
            health = msgspec.structs.replace(health, status="failed", ready=False, reason=doubt)
        return self._answer(health)

    async def health(self, _: Request) -> Response:
        return self._answer(self._health())

    def _answer(self, health: Health) -> Response:
        if health.ready:
            return errors.json_response(health)
        headers = {} if health.status == "failed" else {"retry-after": str(RETRY_S)}
        return errors.json_response(health, status=503, headers=headers)

    async def index(self, request: Request) -> Response:
        health = self._health()
        endpoints = tuple(
            f"{method} {route.path_format}"
            for route in request.app.routes
            if isinstance(route, Route) and route.include_in_schema
            for method in sorted((route.methods or set()) - {"HEAD"})
        )
        service = Service("auricle", health.version, health.status, health.model, endpoints)
        return errors.json_response(service)

    def _health(self) -> Health:
        state = "stopping" if self._in_flight.is_stopping else self._runtime.state
        return Health(
            status="ok" if state == "ready" else state,
            model=self._runtime.model_id,
            version=__version__,
            ready=state == "ready",
            reason=str(self._runtime.failure) if state == "failed" else None,
            loaded=tuple(self._runtime.loaded),
        )
