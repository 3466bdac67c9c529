"""Whatever happens, the client gets an envelope with an id; what is asked wrongly is said."""

from __future__ import annotations

import re

import openai
import pytest

from auricle.errors import AuricleError, Unavailable
from auricle.server import errors
from tests.server.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = {"file": ("a.wav", b"audio")}


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v1/chat/completions", 404, "Invalid URL (POST /v1/chat/completions)"),
        ("GET", "/v1/nothing", 404, "Invalid URL (GET /v1/nothing)"),
        (
            "POST",
            "/v1/audio/transcriptions/",
            404,
            "Invalid URL (POST /v1/audio/transcriptions/)",
        ),
        (
            "GET",
            "/v1/audio/transcriptions",
            405,
            "Method GET is not allowed for /v1/audio/transcriptions; allowed: POST.",
        ),
        ("POST", "/health", 405, "Method POST is not allowed for /health; allowed: GET, HEAD."),
    ],
)
async def test_wrong_urls_and_methods(
    served: Served, method: str, path: str, status: int, message: str
) -> None:
    async with served.http() as http:
        answer = await http.request(
            method, path, content=b"x" * 100_000 if method == "POST" else b""
        )
    assert answer.status_code == status
    assert answer.json() == {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }
    assert answer.headers.get("allow") == (
        message[:-1].split("allowed: ")[1] if status == 405 else None
    )


async def test_every_answer_has_its_own_id_and_its_time(served: Served) -> None:
    async with served.http() as http:
        answers = [
            await http.get("/health"),
            await http.get("/v1/models"),
            await http.get("/nothing"),
            await http.post("/v1/audio/transcriptions", data={"model": "base"}, files=FILE),
            await http.post("/v1/audio/transcriptions", data={"model": "base"}),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 200, 400]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 5
    assert all(re.fullmatch("req_[0-9a-f]{32}", name) for name in ids)
    assert all(answer.headers["openai-processing-ms"].isdecimal() for answer in answers)
    assert not any("server" in answer.headers for answer in answers)


async def test_a_bug_is_a_500_with_the_id_of_its_log_entry(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.runtime.steps = (RuntimeError("secret"),)
    async with served.async_client() as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.audio.transcriptions.create(model="base", file=FILE["file"])
    name = caught.value.request_id
    assert caught.value.body == {
        "message": "The server had an error while processing your request. Its log says more "
        f"under the request id {name}.",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        f"POST '/v1/audio/transcriptions' ({name})"
    ]


@pytest.mark.parametrize(
    ("exc", "headers"),
    [
        (Unavailable("later", retry_after_s=0.2), {"retry-after": "1"}),
        (Unavailable("later", retry_after_s=2.1), {"retry-after": "3"}),
        (AuricleError("never"), {"x-should-retry": "false"}),
    ],
)
async def test_what_is_worth_trying_again_says_when(
    exc: AuricleError, headers: dict[str, str]
) -> None:
    answer = errors.response_to(exc)
    shown = {key: answer.headers[key] for key in answer.headers if "retry" in key}
    assert shown == headers
