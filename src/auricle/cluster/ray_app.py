"""A server on a Ray cluster: its application for Ray Serve, put together and run.

``serve run auricle.cluster.ray_app:build model=base`` has Serve's own tools do it.
"""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Mapping
from typing import Any

import ray
from ray import serve
from ray.serve.config import ProxyLocation

from auricle.cluster import ray_engines, ray_gateway
from auricle.cluster.options import NAMES, ClusterOptions
from auricle.errors import AuricleError
from auricle.server.access.keys import ApiKeys
from auricle.settings import config

NAME = "auricle"

logger = logging.getLogger(__name__)


def application(options: ClusterOptions) -> Any:
    """The gateways and each model's engines, bound; see `ray.serve.run`."""
    settings = options.of_engines()
    handles = {
        model: ray_engines.deployment(model, engines_of(model), options, settings)
        for model in options.models
    }
    return ray_gateway.deployment(options.gateways, options.of_gateways(), handles)


def build(given: Mapping[str, str]) -> Any:
    """For Serve's own tools: the application by arguments such as ``model=base``, ``engines=1:8``,
    and settings by their names, which win over those of the environment and the TOML file. Where
    to listen is theirs to say.

    Raises:
        BadSetting: an argument is none, or has a value that is not allowed.
    """
    flags = {name: value for name, value in given.items() if name not in NAMES}
    own = {name: value for name, value in given.items() if name in NAMES}
    return application(ClusterOptions.read(config.load(flags), own))


def deploy(options: ClusterOptions, address: str | None = None) -> None:
    """Have the cluster at ``address`` run it, or one on this machine alone where there is none;
    where this process is connected to one, that.

    Raises:
        BadSetting: others would reach it without a key.
        AuricleError: there is no room for it, or an engine cannot be started; the message says why.
    """
    ApiKeys.of(options.settings)
    settings = options.settings
    if not ray.is_initialized():
        ray.init(address, log_to_driver=settings.verbose)
    is_at_head = options.gateways == 1  # then no other node has connections that go with it
    serve.start(
        proxy_location=ProxyLocation.HeadOnly if is_at_head else ProxyLocation.EveryNode,
        http_options={"host": settings.host, "port": settings.port},
    )
    try:
        serve.run(application(options), name=NAME, route_prefix="/")
    except RuntimeError as exc:
        raise AuricleError(f"Ray could not deploy the server: {_reasons() or exc}") from exc


def engines_of(model: str) -> str:
    """The name of the deployment of a model's engines."""
    return "engines-" + re.sub(r"[^A-Za-z0-9]+", "-", model)


def _reasons() -> str:
    """What went wrong with deployments: of a traceback, the error of ours that it ends with."""
    deployments = serve.status().applications[NAME].deployments.values()
    messages = [each.message.strip().rpartition("auricle.errors.")[2] for each in deployments]
    return "; ".join(filter(None, messages))


def run(options: ClusterOptions, address: str | None = None) -> None:
    """`deploy`, until this process is asked to stop; then take everything away again, when what was
    accepted is done. Raises what `deploy` raises."""
    stopped = threading.Event()
    deploy(options, address)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    where = f"{options.settings.host}:{options.settings.port}"
    logger.info("%s is served on %s", options.models[0], where)
    stopped.wait()
    serve.delete(NAME)
    ray.shutdown()
