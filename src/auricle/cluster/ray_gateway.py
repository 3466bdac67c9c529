"""The server's own application as a deployment of Ray Serve; its engines are elsewhere.

Recordings are received, decoded and queued here; calls of engines go to the cluster.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from ray import serve
from starlette.applications import Starlette

from auricle.cluster import ray_engines
from auricle.cluster.fleet import Directory, Fleet
from auricle.engine import machine
from auricle.engine.replicas import MeasuredEngine
from auricle.errors import AuricleError, ModelUnusable
from auricle.grants import Grants
from auricle.models.checkpoint import Checkpoint
from auricle.runtime import Runtime
from auricle.server.access.keys import ApiKeys
from auricle.server.app import create_app
from auricle.server.metrics import Metrics
from auricle.server.transport import descriptors
from auricle.settings.config import Settings
from auricle.telemetry import logs
from auricle.telemetry.observe import Observer

HEAD = {"node:__internal_head__": 0.001}
"""What Ray's head node alone has."""

RETRY_S = 10.0
"""When a model that could not be loaded is tried again, whether or not somebody asks for it."""

CALLS = 1000
"""Requests and sessions that one gateway takes from Ray's proxies; its own limits are lower."""

logger = logging.getLogger(__name__)


class ClusterRuntime(Runtime):
    """A runtime whose engines are those of the deployments that ``handles`` lead to, by model."""

    def __init__(
        self, settings: Settings, handles: Mapping[str, Any], observer: Observer, grants: Grants
    ) -> None:
        super().__init__(settings, observer=observer, grants=grants)
        self._directories = {
            model: Directory(partial(ray_engines.look, handle), partial(self._backlog_s, model))
            for model, handle in handles.items()
        }

    async def start_engine(self, checkpoint: Checkpoint) -> MeasuredEngine:
        """Those that are there for a checkpoint's model."""
        if checkpoint.name not in self._directories:
            raise ModelUnusable(f"no engine in this cluster has the model `{checkpoint.name}`")
        return await Fleet.find(self._directories[checkpoint.name])

    async def _backlog_s(self, model: str) -> float:
        return (await self.status(model)).backlog_s


class Gateway:
    """A replica: the application, and its runtime."""

    def __init__(self, settings: Settings, handles: Mapping[str, Any]) -> None:
        logs.set_up(verbose=settings.verbose, log_format=settings.log_format)
        machine.return_freed_memory()
        descriptors.raise_limit()
        self._models = tuple(handles)
        self._metrics, self._keys = Metrics(), ApiKeys.of(settings)
        self._runtime = ClusterRuntime(settings, handles, self._metrics, self._keys)

    def __serve_build_asgi_app__(self) -> Starlette:
        """For Serve: the application, which runs the runtime as long as it runs itself."""
        app = create_app(self._runtime, metrics=self._metrics, keys=self._keys)
        running = app.router.lifespan_context

        @asynccontextmanager
        async def with_all_models(app: Starlette) -> AsyncIterator[Any]:
            async with running(app) as state:
                loading = asyncio.create_task(self._load(), name="load models")
                try:
                    yield state
                finally:
                    loading.cancel()

        app.router.lifespan_context = with_all_models
        return app

    async def _load(self) -> None:
        """Have all models that have engines ready, for requests get no others."""
        await self._runtime.settled()
        await asyncio.gather(*(self._load_one(model) for model in self._models))

    async def _load_one(self, model: str) -> None:
        while True:
            try:
                await self._runtime.load(model)
            except AuricleError as exc:
                logger.warning("%s is not there yet: %s", model, exc)
                await asyncio.sleep(RETRY_S)
            else:
                return


def deployment(n_gateways: int, settings: Settings, handles: Mapping[str, Any]) -> Any:
    """The deployment of gateways, bound. A single one is on the head node, without which there is
    no cluster: so no other node takes requests with it."""
    place = {"num_cpus": 0, "resources": HEAD} if n_gateways == 1 else {"num_cpus": 1}
    made = serve.deployment(serve.ingress()(Gateway)).options(
        name="gateway",
        num_replicas=n_gateways,
        max_ongoing_requests=CALLS,
        ray_actor_options=place,
        graceful_shutdown_timeout_s=settings.drain_s,
        logging_config={"enable_access_log": False},
    )
    return made.bind(settings, handles)
