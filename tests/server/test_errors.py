"""The error catalogue of OpenAI's service, as far as it does not concern a form field's value: what
status, what envelope, and what clients are told about trying again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from auricle.errors import (
    AuricleError,
    BadMedia,
    DeadlineExceeded,
    EngineFailed,
    ModelUnusable,
    Overloaded,
    StorageFull,
    TooLarge,
    Unavailable,
    UploadStalled,
)
from auricle.server import errors
from tests.server.conftest import Served
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/audio/transcriptions"
FILE = {"file": ("a.wav", b"audio")}
MODEL = {"model": "whisper-1"}
KEYS = ["message", "type", "param", "code"]


@dataclass(frozen=True)
class Case:
    status: int
    type: str
    param: str | None
    code: str | None
    message: str
    data: dict[str, str] = field(default_factory=lambda: MODEL)
    has_file: bool = True
    n_bytes: int = 5
    set_up: Callable[[FakeRuntime], None] = lambda _: None
    retry: dict[str, str] = field(default_factory=dict)


INVALID, SERVER, BUSY = "invalid_request_error", "server_error", "rate_limit_exceeded"
NEVER = {"x-should-retry": "false"}


def refused(exc: AuricleError) -> Callable[[FakeRuntime], None]:
    return lambda runtime: setattr(runtime, "refusal", exc)


def raised(exc: AuricleError) -> Callable[[FakeRuntime], None]:
    return lambda runtime: setattr(runtime, "steps", (exc,))


CATALOGUE = {
    "no model": Case(
        400, INVALID, None, None, "you must provide a model parameter", data={"note": "x"}
    ),
    "no file": Case(
        400,
        INVALID,
        "file",
        "missing_required_parameter",
        "Missing required parameter: 'file'.",
        has_file=False,
    ),
    "empty file": Case(
        400,
        INVALID,
        "file",
        "invalid_value",
        "The recording in 'file' is empty (0 bytes).",
        n_bytes=0,
    ),
    "too short": Case(
        400,
        INVALID,
        "file",
        "audio_too_short",
        "Audio file is too short. Minimum audio length is 0.1 seconds.",
        set_up=raised(
            BadMedia(
                "Audio file is too short. Minimum audio length is 0.1 seconds.",
                param="file",
                code="audio_too_short",
            )
        ),
    ),
    "unknown model": Case(
        404,
        INVALID,
        None,
        "model_not_found",
        "The model `whisper-9` is not here.",
        data={"model": "whisper-9"},
    ),
    "too big": Case(
        413,
        SERVER,
        None,
        None,
        "Maximum content size limit (1048576) exceeded (",
        n_bytes=1_100_000,
    ),
    "busy": Case(
        429,
        BUSY,
        None,
        "rate_limit_exceeded",
        "Busy.",
        set_up=refused(Overloaded("Busy.", code="rate_limit_exceeded", retry_after_s=2.5)),
        retry={"retry-after": "3"},
    ),
    "engine failed": Case(
        500,
        SERVER,
        None,
        None,
        "It failed.",
        set_up=raised(EngineFailed("It failed.")),
        retry=NEVER,
    ),
    "unusable model": Case(
        500, SERVER, None, None, "Damaged.", set_up=refused(ModelUnusable("Damaged.")), retry=NEVER
    ),
    "starting": Case(
        503,
        SERVER,
        None,
        "server_starting",
        "Starting.",
        set_up=refused(Unavailable("Starting.", code="server_starting", retry_after_s=2)),
        retry={"retry-after": "2"},
    ),
    "cannot start": Case(
        503, SERVER, None, None, "No.", set_up=refused(Unavailable("No.")), retry=NEVER
    ),
    "too late": Case(
        504,
        SERVER,
        None,
        "deadline_exceeded",
        "Late.",
        set_up=raised(DeadlineExceeded("Late.", code="deadline_exceeded")),
        retry=NEVER,
    ),
    "disk full": Case(
        507, SERVER, None, None, "Full.", set_up=refused(StorageFull("Full.")), retry=NEVER
    ),
}


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("path", [PATH, "/v1/audio/translations"])
async def test_the_catalogue(served: Served, name: str, path: str) -> None:
    case = CATALOGUE[name]
    case.set_up(served.runtime)
    files = {"file": ("a.wav", b"x" * case.n_bytes)} if case.has_file else {"other": (None, b"")}
    async with served.http() as client:
        answer = await client.post(path, data=case.data, files=files)
    detail = answer.json()["error"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert list(detail) == KEYS
    assert (answer.status_code, detail["type"], detail["param"], detail["code"]) == (
        case.status,
        case.type,
        case.param,
        case.code,
    )
    assert detail["message"].startswith(case.message)
    shown = {
        name: answer.headers[name]
        for name in ("retry-after", "x-should-retry")
        if name in answer.headers
    }
    assert shown == case.retry


@pytest.mark.parametrize(
    ("exc", "should_retry"),
    [
        (UploadStalled("Stalled."), "false"),
        (TooLarge("Too large."), None),
        (BadMedia("No audio."), None),
        (Overloaded("Busy.", retry_after_s=1), None),
        (Overloaded("Never."), "false"),
    ],
)
async def test_only_what_clients_try_again_says_not_to(
    exc: AuricleError, should_retry: str | None
) -> None:
    assert errors.response_to(exc).headers.get("x-should-retry") == should_retry


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (
            "text/plain",
            b"{}",
            "Content-Type must be multipart/form-data or application/json, but got",
        ),
        ("application/x-www-form-urlencoded", b"model=base", "Content-Type must be multipart/"),
        (
            "",
            b"audio",
            "Content-Type must be multipart/form-data or application/json, but got none.",
        ),
        ("multipart/form-data", b"--b--", "Content-Type multipart/form-data has no boundary"),
        ("multipart/form-data; boundary=b", b"junk", "The multipart body is malformed: "),
    ],
)
async def test_what_is_no_form(served: Served, kind: str, body: bytes, message: str) -> None:
    async with served.http() as client:
        answer = await client.post(PATH, content=body, headers={"content-type": kind})
    detail = answer.json()["error"]
    assert (answer.status_code, detail["type"], detail["param"]) == (400, INVALID, None)
    assert detail["message"].startswith(message)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "image/png", "x"])
@pytest.mark.parametrize("stream", ["true", "false"])
async def test_accept_is_not_negotiated(served: Served, accept: str, stream: str) -> None:
    async with served.http() as client:
        answer = await client.post(
            PATH, data={**MODEL, "stream": stream}, files=FILE, headers={"accept": accept}
        )
    kind = "text/event-stream; charset=utf-8" if stream == "true" else "application/json"
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


async def test_every_answer_carries_what_openais_do(served: Served) -> None:
    served.runtime.steps = ()
    async with served.http() as client:
        answers = [
            await client.get("/v1/models/Systran%2Ffaster-whisper-base"),
            await client.post(PATH, data=MODEL, files=FILE),
            await client.post(PATH, data={**MODEL, "stream": "true"}, files=FILE),
            await client.post(PATH, data=MODEL),
            await client.get("/nothing"),
            await client.delete("/v1/models/base"),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 404, 405]
    assert answers[0].json()["id"] == "Systran/faster-whisper-base"
    for answer in answers:
        assert answer.headers["openai-version"] == "2020-10-01"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["openai-processing-ms"].isdecimal()
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
