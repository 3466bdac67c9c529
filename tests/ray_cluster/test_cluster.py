"""Engines on several nodes are one server: nothing is lost with a node, and more come under load.

In the order in which they stand: what one test has done to the cluster the next one finds.
"""

from __future__ import annotations

import asyncio
import json
import re

import httpx2
import pytest
import websockets

from tests.ray_cluster.conftest import CLIP, RayServer, transcribe

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = (
    "And so my fellow Americans ask not what your country can do for you ask what you can do for "
    "your country."
)
N_REQUESTS = 24


async def test_one_server_with_engines_on_two_nodes(server: RayServer) -> None:
    engines = await server.have(2)
    assert {each.node for each in engines} == {node.node_id for node in server.nodes}
    async with server.http() as http:
        assert await asyncio.gather(*(transcribe(http) for _ in range(4))) == [(200, TEXT)] * 4
        refused = await http.post(
            "/v1/audio/transcriptions",
            data={"model": "large-v3"},
            files={"file": (CLIP.name, CLIP.read_bytes())},
        )
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_live_session_stays_with_its_gateway(server: RayServer) -> None:
    assert await _live(server) == _words(TEXT)


async def test_a_node_killed_under_load_loses_no_request(server: RayServer) -> None:
    killed = server.nodes.pop(0)
    async with server.http() as http:
        requests = [asyncio.create_task(transcribe(http)) for _ in range(N_REQUESTS)]
        live = asyncio.create_task(_live(server))
        await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        server.kill(killed)
        assert await asyncio.gather(*requests) == [(200, TEXT)] * N_REQUESTS
    assert await live == _words(TEXT)


async def test_an_engine_is_started_where_there_is_room_again(server: RayServer) -> None:
    server.nodes.append(server.add_node())
    engines = await server.have(2)
    assert {each.node for each in engines} == {node.node_id for node in server.nodes}


async def test_more_engines_come_while_more_waits_than_they_can_do(server: RayServer) -> None:
    server.nodes.append(server.add_node())
    async with server.http() as http:
        busy = asyncio.create_task(_keep_busy(http))
        try:
            engines = await server.have(3)
        finally:
            busy.cancel()
            await asyncio.gather(busy, return_exceptions=True)
        assert {each.node for each in engines} == {node.node_id for node in server.nodes}
        assert await transcribe(http) == (200, TEXT)


async def _keep_busy(http: httpx2.AsyncClient) -> None:
    async def one_after_the_other() -> None:
        while True:
            await transcribe(http)

    async with asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(one_after_the_other())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


async def _live(server: RayServer) -> list[str]:
    """The words that are heard in the clip when it comes over a socket of Deepgram's API."""
    url = f"ws://{server.address}/v1/listen?encoding=linear16&sample_rate=16000"
    pcm = CLIP.read_bytes()[44:]
    heard: list[str] = []
    async with websockets.connect(url) as socket:
        for start in range(0, len(pcm), 16_000):
            await socket.send(pcm[start : start + 16_000])
        await socket.send(json.dumps({"type": "CloseStream"}))
        async for message in socket:
            event = json.loads(message)
            if event.get("type") == "Results" and event["is_final"]:
                heard.append(event["channel"]["alternatives"][0]["transcript"])
    return _words(" ".join(heard))
