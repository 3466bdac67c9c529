"""A cluster of several nodes on this machine, and a server on it with tiny.en."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import ray
from ray import serve
from ray._common.utils import reset_ray_address
from ray.cluster_utils import Cluster

from auricle.cluster import ray_app
from auricle.cluster.options import ClusterOptions
from auricle.cluster.ray_engines import Answer
from auricle.settings.config import Settings

MODEL = "tiny.en"
CLIP = Path(__file__).parents[2] / "samples" / "jfk.wav"
PATIENCE_S = 240.0
"""How long anything may take that is waited for: far more than it does."""

LOOK_S = 0.2


class RayServer:
    """The server, and the nodes it runs on."""

    def __init__(self, cluster: Cluster, port: int, n_nodes: int) -> None:
        self.cluster = cluster
        self.address = f"127.0.0.1:{port}"
        self.nodes = [self.add_node() for _ in range(n_nodes)]

    def add_node(self) -> Any:
        """One more node, with room for one engine."""
        return self.cluster.add_node(num_cpus=1)

    def kill(self, node: Any) -> None:
        """End a node with all that runs on it, at once and without a word."""
        with _family_ended(node):
            self.cluster.remove_node(node, allow_graceful=False)

    def http(self) -> httpx2.AsyncClient:
        limits = httpx2.Limits(max_connections=None)
        return httpx2.AsyncClient(
            base_url=f"http://{self.address}", timeout=PATIENCE_S, limits=limits
        )

    async def ready(self) -> None:
        """Return once it answers."""
        async with self.http() as http, asyncio.timeout(PATIENCE_S):
            while (await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110  # elsewhere
                await asyncio.sleep(LOOK_S)

    async def engines(self) -> list[Answer]:
        """The engines that answer."""
        handle = serve.get_deployment_handle(ray_app.engines_of(MODEL), ray_app.NAME)
        found = await handle.broadcast("offer", 0, 0.0).results_async(return_exceptions=True)
        return [each for each in found if isinstance(each, Answer)]

    async def have(self, n_engines: int) -> list[Answer]:
        """The engines, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := await self.engines()) != n_engines:  # noqa: ASYNC110  # elsewhere
                await asyncio.sleep(LOOK_S)
        return found


async def transcribe(http: httpx2.AsyncClient) -> tuple[int, str]:
    """The status, and what was heard in the clip."""
    answer = await http.post(
        "/v1/audio/transcriptions",
        data={"model": MODEL, "response_format": "text"},
        files={"file": (CLIP.name, CLIP.read_bytes())},
    )
    return answer.status_code, answer.text.strip()


@contextlib.contextmanager
def _family_ended(node: Any) -> Iterator[None]:
    """End what is left afterwards of all that a node has started: some of it outlives the node."""
    left = family(raylets(node))
    yield
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def raylets(node: Any) -> list[int]:
    """The process that has started all others of a node."""
    return [each.process.pid for each in node.all_processes.get("raylet", ())]


def family(pids: Collection[int]) -> set[int]:
    """Processes with all they have started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def deployment(n_nodes: int, min_engines: int, max_engines: int) -> Iterator[RayServer]:
    """A cluster whose head has room for the gateway alone, and a server on it."""
    head = {"num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    ray.init(cluster.address)  # now: to the head, not to a node that will be killed
    try:
        server = RayServer(cluster, free_port(), n_nodes)
        settings = Settings(
            model=MODEL,
            port=int(server.address.rpartition(":")[2]),
            engine="ctranslate2",
            offline=True,
            max_jobs=0,
        )
        ray_app.deploy(
            ClusterOptions(settings, min_engines=min_engines, max_engines=max_engines, wait_s=1.0)
        )
        yield server
    finally:
        ray.shutdown()
        for node in cluster.list_all_nodes():
            with _family_ended(node):
                node.kill_all_processes(check_alive=False, allow_graceful=True, wait=True)
        reset_ray_address()  # or the next who starts Ray here would look for this cluster


@pytest.fixture(scope="session")
def deployed() -> Iterator[RayServer]:
    with deployment(n_nodes=2, min_engines=2, max_engines=3) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(deployed: RayServer) -> AsyncIterator[RayServer]:
    """Ready, with two engines."""
    await deployed.ready()
    yield deployed
