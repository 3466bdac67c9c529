"""Engine hosts as Ray's actors, and what calls to them raise.

Each is an actor beside the replica of a deployment that started it, rather than the replica: what
Ray Serve routes it may route anywhere, and a window stays with the engine that has encoded it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any, cast

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from auricle.cluster.host import EngineHost, Offer, see_gpus
from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    Detected,
    DetectJob,
    EncodeJob,
    EngineDied,
    Hypothesis,
    ReleaseJob,
    Tokens,
)
from auricle.engine.replicas import MeasuredEngine
from auricle.hosting import engines
from auricle.hosting.libraries import Libraries
from auricle.models.fetch import FetchOptions, locate
from auricle.settings.config import Settings
from auricle.telemetry import logs

END_S = 5.0
"""How long an engine may take to let go of a session: it may be gone."""

CALLS = 1000
"""Calls that an actor takes at a time; those that compute wait in it for one of its workers."""


class ModelHost(EngineHost):
    """An engine for one model, on this machine, by the settings of a server."""

    def __init__(self, model: str, settings: Settings, gpus: str | None) -> None:
        logs.set_up(verbose=settings.verbose, log_format=settings.log_format)
        see_gpus(gpus)
        self._model = model
        self._settings = settings
        self._libraries = Libraries(settings, FetchOptions.of(settings).cache)
        super().__init__(self._started)

    async def _started(self) -> MeasuredEngine:
        settings = self._settings
        device = await engines.choose_device(settings)
        checkpoint = await asyncio.to_thread(locate, self._model, settings)
        return await engines.start(checkpoint.path, settings, device, self._libraries)


def beside_this(model: str, settings: Settings, gpus: str | None) -> Any:
    """An actor that hosts an engine on this node, and ends with the process that asks for it."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(ModelHost).options(
        num_cpus=0, max_concurrency=CALLS, scheduling_strategy=here
    )
    return actor.remote(model, settings, gpus)


class RayHost:
    """A `Host`: an actor somewhere."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def offer(self, session: int, backlog_s: float) -> Offer | None:
        with _translated():
            return cast("Offer | None", await self._actor.offer.remote(session, backlog_s))

    async def encode(self, job: EncodeJob) -> None:
        with _translated():
            await self._actor.encode.remote(job)

    async def detect_language(self, job: DetectJob) -> Detected:
        with _translated():
            return cast("Detected", await self._actor.detect_language.remote(job))

    async def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        with _translated():
            async for reply in self._actor.decode.options(num_returns="streaming").remote(job):
                yield await reply

    async def align(self, job: AlignJob) -> Aligned:
        with _translated():
            return cast("Aligned", await self._actor.align.remote(job))

    async def release(self, job: ReleaseJob) -> None:
        with _translated():
            await self._actor.release.remote(job)

    async def end(self, session: int) -> None:
        with contextlib.suppress(RayError, TimeoutError):
            async with asyncio.timeout(END_S):
                await self._actor.end.remote(session)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """What was raised there, or `EngineDied` where there is nothing left that could."""
    try:
        yield
    except RayActorError as exc:
        raise EngineDied("the engine, or its machine, is gone") from exc
    except RayTaskError as exc:
        raise exc.cause from exc
