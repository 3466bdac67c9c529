"""The model list shows how each model is; models are loaded and unloaded by name."""

from __future__ import annotations

import openai
import pytest

from auricle.server.openapi import openapi
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASE = {
    "id": "base",
    "object": "model",
    "owned_by": "auricle",
    "root": "base",
    "state": "ready",
    "memory_mb": 300,
    "queue": {"requests": 2, "windows": 5},
    "device": "cpu",
    "compute_type": "int8_float32",
    "languages": ["en", "de"],
    "audio_context_retried": 0.05,
    "reason": None,
}
SMALL = {
    **BASE,
    "id": "small",
    "root": "small",
    "state": "unloaded",
    "memory_mb": 0,
    "queue": {"requests": 0, "windows": 0},
    "device": None,
    "compute_type": None,
    "languages": None,
    "audio_context_retried": None,
}
ALIASES = (
    "gpt-4o-mini-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-transcribe-diarize",
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
    "gpt-transcribe",
    "whisper-1",
)


async def test_the_list(served: Served) -> None:
    async with served.async_client() as client:
        listed = [model.to_dict() async for model in client.models.list()]
    created = {model.pop("created") for model in listed}
    assert listed == [BASE, SMALL, *({**BASE, "id": name} for name in ALIASES)]
    assert len(created) == 1


async def test_aliases_are_listed_where_they_lead_somewhere() -> None:
    runtime = FakeRuntime(settings(model_aliases=("mine=default", "Other=small", "none=medium")))
    async with serving(runtime) as served, served.async_client() as client:
        await runtime.started.wait()
        listed = [(model.id, model.to_dict()["root"]) async for model in client.models.list()]
    assert listed[2:4] == [("mine", "base"), ("other", "small")]
    assert "none" not in dict(listed)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("base", BASE),
        ("Systran/faster-whisper-base", {**BASE, "id": "Systran/faster-whisper-base"}),
        ("whisper-1", {**BASE, "id": "whisper-1"}),
        ("small", SMALL),
    ],
)
async def test_one_of_them(served: Served, name: str, shown: dict[str, object]) -> None:
    async with served.async_client() as client:
        one = (await client.models.retrieve(name)).to_dict()
    assert isinstance(one.pop("created"), int)
    assert one == shown


async def test_a_model_nobody_has(served: Served) -> None:
    async with served.async_client() as client:
        with pytest.raises(openai.NotFoundError, match="`whisper-9` is not here") as caught:
            await client.models.retrieve("whisper-9")
    assert caught.value.code == "model_not_found"


async def test_loading_and_unloading(served: Served) -> None:
    async with served.http() as http:
        loaded = await http.post("/v1/models/openai/whisper-small/load")
        unloaded = await http.post("/v1/models/base/unload")
    assert (loaded.status_code, loaded.json()["state"]) == (200, "ready")
    assert (loaded.json()["id"], loaded.json()["root"]) == ("openai/whisper-small", "small")
    assert (unloaded.status_code, unloaded.json()["state"]) == (200, "unloaded")
    assert served.runtime.changes == [("load", "small"), ("unload", "base")]


async def test_a_model_in_use_is_not_unloaded(served: Served) -> None:
    served.runtime.in_use.add("base")
    async with served.http() as http:
        answer = await http.post("/v1/models/whisper-1/unload")
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": {
                "message": "The model is in use.",
                "type": "invalid_request_error",
                "param": None,
                "code": "model_in_use",
            }
        },
    )


async def test_getting_the_path_of_an_action_asks_for_a_model_of_that_name(served: Served) -> None:
    """`owner/load` may be a hub id."""
    async with served.http() as http:
        answer = await http.get("/v1/models/owner/load")
    assert answer.json()["error"]["message"] == "The model `owner/load` is not here."


async def test_the_document_tells_what_each_field_is() -> None:
    properties = openapi()["components"]["schemas"]["ModelObject"]["properties"]
    assert set(properties) == {*BASE, "created"}
