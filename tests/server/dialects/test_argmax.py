"""A program that starts Argmax's local server itself finds here what it asks that server for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx2
import pytest

from auricle import __version__
from auricle.errors import ModelUnusable, Unavailable
from auricle.speech_runtime import ModelStatus
from tests.server import fakes
from tests.server.conftest import serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

READY = {
    "status": "ready",
    "model": "base",
    "version": __version__,
    "modelState": "loaded",
    "verbose": False,
}


class OneModelRuntime(FakeRuntime):
    """What loads and unloads shows in ``status``."""

    def reset(self) -> None:
        super().reset()
        self.states = {"base": fakes.BASE, "small": fakes.SMALL}
        self.busy: Unavailable | None = None

    async def status(self, name: str) -> ModelStatus:
        return self.states[self._named(name)]

    async def load(self, name: str, key: str = "") -> ModelStatus:
        if self.busy is not None:
            raise self.busy
        self.keys.append(key)
        loaded = await super().load(name, key)
        self.states[loaded.name] = loaded
        return loaded

    async def unload(self, name: str, key: str = "") -> ModelStatus:
        self.keys.append(key)
        unloaded = await super().unload(name, key)
        self.states[unloaded.name] = unloaded
        return unloaded


@dataclass
class Client:
    """Sends what the client of Hyprnote sends."""

    http: httpx2.AsyncClient
    runtime: OneModelRuntime

    async def status(self) -> dict[str, object]:
        answer = await self.http.get("/v1/status")
        assert answer.status_code == 200
        return dict(answer.json())

    async def post(self, what: str, body: object = None) -> tuple[int, dict[str, object]]:
        answer = await self.http.post(f"/v1/{what}", json=body)
        return answer.status_code, dict(answer.json())

    async def init(self, **fields: object) -> tuple[int, dict[str, object]]:
        return await self.post("init", {"apiKey": "ax_1234", **fields})


@contextlib.asynccontextmanager
async def client(**changes: object) -> AsyncIterator[Client]:
    runtime = OneModelRuntime(settings(**changes))
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        yield Client(http, runtime)


async def test_a_program_brings_its_server_up() -> None:
    async with client() as kit:
        kit.runtime.states["base"] = replace(fakes.BASE, state="unloaded")
        assert await kit.status() == {**READY, "status": "unloaded", "modelState": "unloaded"}
        assert await kit.init() == (
            200,
            {
                "status": "ready",
                "message": "The model base is loaded.",
                "model": "base",
                "verbose": False,
            },
        )
        assert await kit.status() == READY


async def test_init_names_the_model_that_the_others_mean() -> None:
    async with client() as kit:
        code, answer = await kit.init(
            model="openai_whisper-small_216MB", modelRepo="argmaxinc/whisperkit-coreml"
        )
        assert (code, answer["model"]) == (200, "small")
        assert await kit.status() == {**READY, "model": "small"}
        assert await kit.post("unload") == (
            200,
            {"status": "unloaded", "message": "The model small is unloaded."},
        )
        assert (await kit.status())["status"] == "unloaded"
        assert kit.runtime.changes == [("load", "small"), ("unload", "small")]


async def test_reset_starts_over_with_the_servers_own_model() -> None:
    async with client() as kit:
        await kit.init(model="small")
        assert await kit.post("reset") == (
            200,
            {"status": "ready", "message": "The model base is loaded anew."},
        )
        assert sorted(kit.runtime.changes[1:3]) == [("unload", "base"), ("unload", "small")]
        assert kit.runtime.changes[3:] == [("load", "base")]
        assert await kit.status() == READY


async def test_who_asks_is_asked_about() -> None:
    """A key may be good for some models only."""
    async with client() as kit:
        for what in ("init", "unload", "reset"):
            await kit.post(what)
        assert kit.runtime.keys == ["address 127.0.0.1"] * 4


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("loading", ("initializing", "loading")),
        ("unloading", ("unloaded", "unloading")),
        ("failed", ("uninitialized", "unloaded")),
    ],
)
async def test_status_says_how_the_model_is(state, shown) -> None:
    async with client() as kit:
        kit.runtime.states["base"] = replace(fakes.BASE, state=state)
        status = await kit.status()
        assert (status["status"], status["modelState"]) == shown


async def test_status_says_why_there_is_no_model() -> None:
    async with client() as kit:
        kit.runtime.failure = ModelUnusable("model.bin is missing")
        status = await kit.status()
        assert (status["status"], status["message"]) == ("uninitialized", "model.bin is missing")


async def test_status_is_there_before_the_model() -> None:
    runtime = OneModelRuntime(settings())
    runtime.hold.clear()
    async with serving(runtime) as served, served.http() as http:
        runtime.states["base"] = replace(fakes.BASE, state="loading")
        assert (await http.get("/v1/status")).json()["status"] == "initializing"


async def test_a_model_in_use_is_a_400_as_its_clients_know_it() -> None:
    async with client() as kit:
        kit.runtime.in_use.add("base")
        refused = (400, {"status": "error", "message": "The model is in use."})
        assert await kit.post("unload") == refused
        assert await kit.post("reset") == refused


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "parakeet-v2"}, "The model `parakeet-v2` is not here."),
        (
            {"model": 5},
            "The body is not the JSON object of an init: Expected `str | null`, got `int` - at "
            "`$.model`.",
        ),
        (
            {"modelFolder": "/models/large"},
            "No request makes this server read a folder ('modelFolder'); name a model in 'model', "
            "or none for the one the server was started with.",
        ),
    ],
)
async def test_what_cannot_be_initialized(fields, message) -> None:
    async with client() as kit:
        assert await kit.init(**fields) == (400, {"status": "error", "message": message})
        assert kit.runtime.changes == []


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff", b"[" * 5000])
async def test_a_body_that_is_no_object(text) -> None:
    async with client() as kit:
        answer = await kit.http.post("/v1/init", content=text)
    assert (answer.status_code, answer.json()["status"]) == (400, "error")
    assert answer.json()["message"].startswith("The body is not the JSON object of an init: ")


async def test_a_body_that_is_too_large() -> None:
    async with client() as kit:
        answer = await kit.http.post("/v1/init", content=b" " * (64 * 1024 + 1))
    assert (answer.status_code, answer.json()["status"]) == (413, "error")


async def test_an_empty_body_means_the_servers_own_model() -> None:
    async with client() as kit:
        assert (await kit.http.post("/v1/init")).json()["model"] == "base"


async def test_what_may_work_later_is_a_409() -> None:
    async with client() as kit:
        kit.runtime.busy = Unavailable("no room for it", retry_after_s=4.5)
        answer = await kit.http.post("/v1/init", json={"apiKey": "ax_1"})
    assert (answer.status_code, answer.json()) == (
        409,
        {"status": "error", "message": "no room for it"},
    )
    assert answer.headers["retry-after"] == "5"


async def test_no_request_ends_the_server_unless_the_operator_lets_it() -> None:
    async with client() as kit:
        assert await kit.post("shutdown") == (
            403,
            {
                "status": "error",
                "message": "A request may not end this server; the setting allow_shutdown lets it.",
            },
        )
        assert await kit.status() == READY


async def test_shutdown_finishes_what_was_accepted() -> None:
    async with client(allow_shutdown=True) as kit:
        kit.runtime.steps = [release := asyncio.Event(), *fakes.HELLO]
        files = {"file": ("a.wav", b"audio")}
        form = {"model": "whisper-1", "response_format": "text"}
        asked = asyncio.ensure_future(
            kit.http.post("/v1/audio/transcriptions", data=form, files=files)
        )
        await kit.runtime.opened.wait()
        assert await kit.post("shutdown") == (
            200,
            {"status": "stopping", "message": "The server finishes what it accepted, and ends."},
        )
        release.set()
        assert (await asked).text == "Hello there. And you.\n"
        await kit.runtime.stopped.wait()
