"""What Ray adds to a request, what another engine takes away from the wait, and what a killed node
costs: ``.venv-ray/bin/python -m tests.ray_cluster.measure``. All of it on one machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2

from tests.ray_cluster.conftest import (
    CLIP,
    MODEL,
    PATIENCE_S,
    RayServer,
    deployment,
    family,
    free_port,
    raylets,
    transcribe,
)

N_TIMES = 30
N_AT_A_TIME = 12


async def measure(server: RayServer) -> None:
    await server.ready()
    _say(f"memory of a node with one engine: {memory_mib(server.nodes[0])} MiB")
    async with plain() as http, server.http() as through_ray:
        await compared("nothing (GET /livez)", http, through_ray, path="/livez")
        await compared("a clip of 11 s", http, through_ray)
    await waits(server, "1 engine")
    server.nodes.append(server.add_node())
    await kept_busy_until(server, 2)
    await server.have(2)
    for _ in range(2):
        await waits(server, "2 engines")
    killed = server.nodes.pop(0)

    async def kill() -> None:
        await asyncio.sleep(1.0)
        server.kill(killed)

    await waits(server, "2 engines, the node of one killed after 1 s", kill())


def memory_mib(node: Any) -> int:
    """What a node's processes take, each page that several share once."""
    n_kib = 0
    for pid in family(raylets(node)):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            n_kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return n_kib // 1024


async def compared(
    what: str, plain: httpx2.AsyncClient, through_ray: httpx2.AsyncClient, path: str = ""
) -> None:
    """Ask both in turn."""
    took: dict[str, list[float]] = {"plain": [], "Ray": []}
    for n in range(N_TIMES + 3):
        for name, http in (("plain", plain), ("Ray", through_ray)):
            began_s = time.perf_counter()
            await (http.get(path) if path else transcribe(http))
            if n >= 3:
                took[name].append(time.perf_counter() - began_s)
    told = ", ".join(f"{name} {1000 * statistics.median(s):.1f} ms" for name, s in took.items())
    more = [b - a for a, b in zip(took["plain"], took["Ray"], strict=True)]
    _say(f"{what}: {told}; Ray adds {1000 * statistics.median(more):.1f} ms (median of {N_TIMES})")


async def waits(server: RayServer, what: str, meanwhile: object = None) -> None:
    """Clips at the same time, and how long each takes."""
    async with server.http() as http:

        async def one() -> float:
            began_s = time.perf_counter()
            status, _ = await transcribe(http)
            assert status == 200, status
            return time.perf_counter() - began_s

        asked = [asyncio.create_task(one()) for _ in range(N_AT_A_TIME)]
        if asyncio.iscoroutine(meanwhile):
            await meanwhile
        took = await asyncio.gather(*asked)
    _say(
        f"{what}: {N_AT_A_TIME} clips at a time, mean {statistics.mean(took):.2f} s, "
        f"last {max(took):.2f} s"
    )


async def kept_busy_until(server: RayServer, n_engines: int) -> None:
    began_s = time.perf_counter()
    async with server.http() as http:

        async def busy() -> None:
            while True:
                await transcribe(http)

        tasks = [asyncio.create_task(busy()) for _ in range(N_AT_A_TIME)]
        await server.have(n_engines)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    _say(f"a second engine was there {time.perf_counter() - began_s:.0f} s after the load began")


@contextlib.asynccontextmanager
async def plain() -> AsyncIterator[httpx2.AsyncClient]:
    """A server without Ray, with one engine of one thread, too."""
    port = str(free_port())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "auricle", "serve", MODEL, "--port", port, "--threads", "1"),
        *("--engine", "ctranslate2", "--offline", "--max-jobs", "0"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as http:
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if (await http.get("/readyz")).status_code == 200:
                    break
            await asyncio.sleep(0.2)
        try:
            yield http
        finally:
            process.terminate()
            await process.wait()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a program that prints


if __name__ == "__main__":
    assert CLIP.is_file()
    with deployment(n_nodes=1, min_engines=1, max_engines=2) as deployed:
        asyncio.run(measure(deployed))
