"""The API is found under every base URL that clients use, and named where it is not."""

from __future__ import annotations

import openai
import pytest

from auricle.server.dialects.base_urls import served_path
from tests.server.conftest import NO_TLS, Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = {"file": ("a.wav", b"audio")}
TEXT = "Hello there. And you."


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/v1/audio/transcriptions", "/v1/audio/transcriptions"),
        ("/openai/v1/audio/translations", "/v1/audio/translations"),
        ("/v1/openai/v1/models", "/v1/models"),
        ("/openai/models", "/v1/models"),
        ("/openai/v1/models/base/load", "/v1/models/base/load"),
        (
            "/openai/deployments/base/audio/transcriptions",
            "/v1/deployments/base/audio/transcriptions",
        ),
        ("/openai/v1/realtime", "/v1/realtime"),
        ("/openai/v1/chat/completions", "/openai/v1/chat/completions"),
        ("/openai", "/openai"),
        ("/v1/models/openai/v1/models", "/v1/models/openai/v1/models"),
        ("/", "/"),
    ],
)
async def test_what_is_served_for_a_path(path: str, served: str) -> None:
    assert served_path(path) == served


@pytest.mark.parametrize("base", ["/openai/v1", "/v1/openai/v1"])
async def test_groqs_paths(served: Served, base: str) -> None:
    """They were a 404, so that no base URL made Groq's SDKs work."""
    async with served.http() as http:
        answer = await http.post(
            f"{base}/audio/transcriptions", data={"model": "whisper-1"}, files=FILE
        )
        models = await http.get(f"{base}/models")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "text": TEXT,
            "usage": {"type": "duration", "seconds": 3},
            "x_groq": {"id": answer.headers["x-request-id"]},
        },
    )
    assert models.status_code == 200


@pytest.mark.parametrize(
    ("response_format", "is_named"), [("verbose_json", True), ("text", False), ("srt", False)]
)
async def test_groqs_answers_name_the_request_where_they_are_json(
    served: Served, response_format: str, is_named: bool
) -> None:
    async with served.http() as http:
        answer = await http.post(
            "/openai/v1/audio/transcriptions",
            data={"model": "whisper-1", "response_format": response_format},
            files=FILE,
        )
    assert ("x_groq" in answer.text) is is_named


@pytest.mark.parametrize(
    "where", ["azure_endpoint", "azure_deployment", "base_url", "base_url of v1"]
)
async def test_azures_client(served: Served, where: str) -> None:
    """Its paths by deployment were a 404."""
    options: dict[str, dict[str, str]] = {
        "azure_endpoint": {"azure_endpoint": served.url},
        "azure_deployment": {"azure_endpoint": served.url, "azure_deployment": "small"},
        "base_url": {"base_url": f"{served.url}/v1"},
        "base_url of v1": {"base_url": f"{served.url}/openai/v1"},
    }
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    async with openai.AsyncAzureOpenAI(  # type: ignore[call-overload]  # one of three ways each
        api_key="sk-azure", api_version="2024-06-01", http_client=http, **options[where]
    ) as client:
        answer = await client.audio.transcriptions.create(model="small", file=FILE["file"])
    assert answer.text == TEXT
    assert served.runtime.models == ["small"]


async def test_a_deployment_is_the_model(served: Served) -> None:
    path = "/openai/deployments/small/audio/translations?api-version=2024-06-01"
    async with served.http() as http:
        answer = await http.post(path, data={"model": "base"}, files=FILE)
        unknown = await http.post(path.replace("small", "whisper-9"), files=FILE)
        getting = await http.get(path)
    assert (answer.status_code, served.runtime.models) == (200, ["small"])
    assert served.runtime.asked[0][1].task == "translate"
    assert unknown.json()["error"]["code"] == "model_not_found"
    assert getting.status_code == 405


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/audio/transcriptions"),
        ("POST", "/api/v1/audio/translations"),
        ("GET", "/models"),
    ],
)
async def test_a_wrong_base_url_is_told_the_right_one(
    served: Served, method: str, path: str
) -> None:
    """It said only that the URL was invalid; most often ``/v1`` is missing from it."""
    async with served.http() as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        404,
        f"Invalid URL ({method} {path}). The base URL of this server's API is {served.url}/v1.",
    )
