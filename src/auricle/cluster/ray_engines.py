"""The engines of a model as a deployment of Ray Serve, which starts, checks and replaces them.

Serve says how many there are; windows go to their hosts directly: see `ray_hosts`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

from auricle.cluster.fleet import Found
from auricle.cluster.host import DRAIN_S, SETTLE_S, Offer
from auricle.cluster.options import ClusterOptions
from auricle.cluster.policy import BACKLOG
from auricle.cluster.ray_hosts import RayHost, beside_this
from auricle.settings.config import Settings

LOOK_MAX_S = 5.0
"""How long engines may take to answer a gateway that looks for them."""

UP_AFTER_S = 10.0
DOWN_AFTER_S = 300.0
"""How long it must have been so that there are too few or too many engines."""

GRACE_S = 10.0


class Answer(NamedTuple):
    """What a replica answers a gateway that looks for engines."""

    name: str
    node: str
    actor: Any
    offer: Offer


class EngineReplica:
    """One engine; a replica of a deployment."""

    def __init__(self, model: str, settings: Settings) -> None:
        self._host = beside_this(model, settings, os.environ.get("CUDA_VISIBLE_DEVICES"))
        ray.get(self._host.start.remote())

    async def offer(self, session: int, backlog_s: float) -> Answer | None:
        """The engine, if there is one now."""
        offer = await self._host.offer.remote(session, backlog_s)
        if offer is None:
            return None
        name = serve.get_replica_context().replica_id.unique_id
        return Answer(name, ray.get_runtime_context().get_node_id(), self._host, offer)

    async def check_health(self) -> None:
        """For Serve, which replaces what raises."""
        await self._host.check.remote()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """For Serve, which hands it to the policy."""
        return {BACKLOG: await self._host.backlog_s.remote()}

    async def __del__(self) -> None:
        """For Serve, when there are too many: gateways send no more windows by then."""
        await self._host.drain.remote()


async def look(handle: Any, session: int, backlog_s: float) -> Mapping[str, Found]:
    """The engines of a deployment that answer; see `fleet.Look`."""
    asked = handle.broadcast("offer", session, backlog_s)
    answers = await asked.results_async(timeout_s=LOOK_MAX_S, return_exceptions=True)
    return {
        each.name: Found(RayHost(each.actor), each.offer)
        for each in answers
        if isinstance(each, Answer)
    }


def deployment(model: str, name: str, options: ClusterOptions, settings: Settings) -> Any:
    """The deployment of a model's engines, bound."""
    policy = AutoscalingPolicy(
        policy_function="auricle.cluster.policy:ByBacklog",
        policy_kwargs={"wait_s": options.wait_s},
    )
    scaling = AutoscalingConfig(
        min_replicas=options.min_engines,
        max_replicas=options.max_engines,
        upscale_delay_s=UP_AFTER_S,
        downscale_delay_s=DOWN_AFTER_S,
        policy=policy,
    )
    made = serve.deployment(EngineReplica).options(
        name=name,
        autoscaling_config=scaling,
        ray_actor_options={"num_cpus": options.cpus, "num_gpus": options.gpus},
        graceful_shutdown_timeout_s=SETTLE_S + DRAIN_S + GRACE_S,
        logging_config={"enable_access_log": False},
    )
    return made.bind(model, settings)
