"""Whatever happens, the client gets an envelope with an id; what is asked wrongly is said."""

from __future__ import annotations

import asyncio
import errno
import re
import tempfile
from functools import partial
from pathlib import Path

import openai
import pytest

from auricle.errors import AuricleError, Unavailable
from auricle.server import errors
from tests.server.conftest import Log, Served
from tests.server.fakes import HELLO
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = {"file": ("a.wav", b"audio")}


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v1/chat/completions", 404, "Invalid URL (POST /v1/chat/completions)"),
        ("GET", "/v1/nothing", 404, "Invalid URL (GET /v1/nothing)"),
        ("GET", "/v1/nothing?a=%FF", 404, "Invalid URL (GET /v1/nothing)"),
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


@pytest.mark.parametrize("path", ["/v1/realtime", "/v2/listen"])
async def test_a_websocket_asked_for_as_a_page(served: Served, path: str) -> None:
    """A proxy that does not pass the upgrade on is the usual cause."""
    async with served.http() as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    assert "a proxy in between must pass on" in answer.text
    assert ("err_msg" in answer.json()) is path.endswith("listen")


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


async def test_a_bug_is_a_500_with_the_id_of_its_log_entry(served: Served, log: Log) -> None:
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
    assert log.lines[0] == f"a bug ({name})"


async def test_each_request_is_a_line_in_the_log(served: Served, log: Log) -> None:
    """Method, path, status, time, length of the recording, id: no query, key or text."""
    more = asyncio.Event()
    async with served.http() as http:
        post = partial(http.post, "/v1/audio/transcriptions", data={"model": "base"}, files=FILE)
        http.headers["authorization"] = "Bearer sk-secret"
        answers = [
            await http.get("/v1/models/none%0A?key=sk-secret"),
            await post(),
        ]
        served.runtime.steps = (more, *HELLO)
        leaving = asyncio.create_task(post())
        await served.runtime.opened_twice.wait()
        leaving.cancel()
        await served.runtime.cancelled.wait()
        await until(lambda: len(log.lines) == 3)
    ids = [f" ({answer.headers['x-request-id']})" for answer in answers]
    lines = [re.sub(r"\d+\.\d{3} s", "… s", line) for line in log.lines]
    assert lines[:2] == [
        f"GET /v1/models/none%0A 404 in … s{ids[0]}",
        f"POST /v1/audio/transcriptions 200 in … s, 2.5 s of audio{ids[1]}",
    ]
    assert lines[2].startswith(
        "POST /v1/audio/transcriptions unanswered in … s, 2.5 s of audio, left by its client (req_"
    )


async def test_pages_may_read_errors(served: Served) -> None:
    """Errors that were answered outside the middleware for pages lacked its headers, so the page
    saw a failed fetch instead of the error."""
    served.runtime.steps = (RuntimeError("secret"),)
    page = {"origin": "http://localhost:3000"}
    async with served.http() as http:
        answer = await http.post(
            "/v1/audio/transcriptions", data={"model": "base"}, files=FILE, headers=page
        )
    assert answer.status_code == 500
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_a_server_without_descriptors_says_to_come_back(
    served: Served, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answered 500 with ``x-should-retry: false``, so clients gave up. The exhaustion is
    patched: a real one would hit the test, too."""

    def exhausted(**_: str) -> tuple[int, str]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(tempfile, "mkstemp", exhausted)
    async with served.http() as http:
        answer = await http.post("/v1/audio/transcriptions", data={"model": "base"}, files=FILE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["error"] == {
        "message": "The server has too many files and connections open; try again in a moment.",
        "type": "server_error",
        "param": None,
        "code": "server_busy",
    }


@pytest.mark.parametrize(
    "exc",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        ExceptionGroup("of tasks", [MemoryError()]),
    ],
    ids=repr,
)
async def test_a_server_without_memory_says_to_come_back(exc: Exception) -> None:
    """Each was answered as a fault of ours, with ``x-should-retry: false``."""
    answer = errors.known(exc)
    assert isinstance(answer, Unavailable)
    assert (answer.code, answer.retry_after_s) == ("server_busy", 5.0)


async def test_a_fault_of_ours_is_none_that_is_known() -> None:
    several = ExceptionGroup("of tasks", [MemoryError(), KeyError("x")])
    assert [errors.known(each) for each in (RuntimeError("x"), several)] == [None, None]


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
