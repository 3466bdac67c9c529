"""Who may ask: pages by their origin, everybody by the name they call and the key they carry."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import openai
import pytest
import pytest_asyncio

from auricle.config import load
from auricle.errors import BadSetting
from auricle.server.access.keys import ApiKeys
from auricle.server.access.origins import Origins
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/audio/transcriptions"
KEY = "sk-auricle-0123456789"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def locked() -> AsyncIterator[Served]:
    """A server that wants keys."""
    runtime = FakeRuntime(settings(api_keys=(KEY, "Grüße")))
    async with serving(runtime) as served:
        await runtime.started.wait()
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def named() -> AsyncIterator[Served]:
    """A server with a name of its own."""
    async with serving(FakeRuntime(settings(allowed_hosts=("speech.example",)))) as served:
        yield served


async def post(http: httpx2.AsyncClient, headers: dict[str, str]) -> httpx2.Response:
    files = {"file": ("a.wav", b"audio")}
    return await http.post(PATH, headers=headers, data={"model": "base"}, files=files)


def error(answer: httpx2.Response) -> tuple[int, str | None, str]:
    detail = answer.json()["error"]
    assert (detail["type"], detail["param"]) == ("invalid_request_error", None)
    return answer.status_code, detail["code"], detail["message"]


# Pages


@pytest.mark.parametrize(
    ("allowed", "origin", "is_allowed"),
    [
        ("local", "http://localhost:3000", True),
        ("local", "https://127.0.0.1", True),
        ("local", "http://[::1]:8080", True),
        ("local", "http://app.localhost:5173", True),
        ("local", "app://obsidian.md", True),
        ("local", "tauri://localhost", True),
        ("local", "https://example.com", False),
        ("local", "http://localhost.example.com", False),
        ("local", "http://127.0.0.1.example.com", False),
        ("local", "https://notes.example", False),
        ("local", "null", False),
        ("local", "", False),
        ("null", "null", True),
        ("https://Example.com/", "https://example.com", True),
        ("https://example.com", "https://example.com:8443", False),
        ("https://example.com", "http://example.com", False),
        ("https://example.com", "http://localhost:3000", False),
        ("*", "https://example.com", True),
        ("*", "null", True),
        ("", "http://auricle.lan:50060", True),
    ],
)
async def test_which_pages_may_ask(allowed: str, origin: str, is_allowed: bool) -> None:
    origins = Origins([allowed] if allowed else [])
    assert origins.allow(origin, "auricle.lan:50060") is is_allowed


async def test_a_page_of_this_machine_asks_first_and_then_reads(served: Served) -> None:
    page = {"origin": "http://localhost:3000"}
    wish = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-stainless-os,openai-beta",
        "access-control-request-private-network": "true",
    }
    async with served.http() as http:
        asked = await http.options(PATH, headers={**page, **wish})
        answers = [
            await post(http, page),
            await http.get("/v1/models/nobody", headers=page),
        ]
    assert (asked.status_code, asked.content) == (204, b"")
    shown = {name: value for name, value in asked.headers.items() if name.startswith("access-")}
    assert shown == {
        "access-control-allow-origin": "http://localhost:3000",
        "access-control-allow-methods": "GET, HEAD, POST, DELETE, OPTIONS",
        "access-control-allow-headers": "authorization, content-type, openai-beta, "
        "x-auricle-deadline, x-stainless-os",
        "access-control-max-age": "600",
        "access-control-allow-private-network": "true",
        "access-control-expose-headers": "x-request-id, openai-processing-ms, openai-version, "
        "retry-after, x-should-retry, content-disposition",
    }
    assert [answer.status_code for answer in answers] == [200, 404]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == page["origin"]
        assert "x-request-id" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "Origin"


async def test_other_pages_start_no_work_and_read_nothing(served: Served) -> None:
    """A form of any page may be posted here without asking first; the browser only hides the
    answer."""
    page = {"origin": "https://example.com"}
    async with served.http() as http:
        posted = await post(http, page)
        asked = await http.options(PATH, headers={**page, "access-control-request-method": "POST"})
    message = (
        "Pages of the origin 'https://example.com' may not use this server. Its operator can allow "
        "them with the setting cors_origins."
    )
    assert error(posted) == error(asked) == (403, "origin_not_allowed", message)
    assert "access-control-allow-origin" not in posted.headers
    assert served.runtime.asked == []


async def test_what_is_no_page_gets_no_headers_for_pages(served: Served) -> None:
    async with served.http() as http:
        answer = await http.get("/v1/models")
    assert [name for name in answer.headers if name.startswith("access-")] == []


@pytest.mark.parametrize("wrong", ["example.com", "https://example.com/path", "everybody"])
async def test_an_origin_that_is_none_stops_the_start(wrong: str) -> None:
    with pytest.raises(BadSetting, match="AURICLE_CORS_ORIGINS"):
        load(environ={"AURICLE_CORS_ORIGINS": wrong, "XDG_CONFIG_HOME": "/nowhere"})


# Names


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:50060", 200),
        ("127.0.0.1", 200),
        ("[::1]:50060", 200),
        ("auricle.localhost", 200),
        ("host.docker.internal:50060", 200),
        ("Speech.Example:443", 200),
        ("evil.example:50060", 403),
        ("localhost.evil.example", 403),
    ],
)
async def test_a_server_on_this_machine_answers_only_to_its_names(
    named: Served, host: str, status: int
) -> None:
    """A page can have its own name point to 127.0.0.1, and would then be at home here."""
    async with named.http() as http:
        answer = await http.get("/openapi.json", headers={"host": host})
    assert answer.status_code == status
    if status == 403:
        name = host.partition(":")[0]
        assert error(answer) == (
            403,
            "host_not_allowed",
            f"This server listens on 127.0.0.1 and does not answer to the name {name!r}. Its "
            "operator can allow it with the setting allowed_hosts.",
        )


async def test_a_server_on_every_address_answers_to_every_name() -> None:
    runtime = FakeRuntime(settings(host="0.0.0.0"))
    async with serving(runtime) as served, served.http() as http:
        url = f"http://127.0.0.1:{served.address[1]}/docs"
        answer = await http.get(url, headers={"host": "speech.example"})
    assert answer.status_code == 200


# Keys


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f":{password}".encode()).decode()


@pytest.mark.parametrize(
    "authorization",
    [f"Bearer {KEY}", f"bearer   {KEY}", f"Token {KEY}", basic(KEY), basic("Grüße")],
)
async def test_a_known_key_opens(locked: Served, authorization: str) -> None:
    async with locked.http() as http:
        answer = await http.get("/v1/models", headers={"authorization": authorization})
    assert answer.status_code == 200


@pytest.mark.parametrize("header", ["api-key", "x-api-key"])
async def test_a_key_in_a_header_of_its_own(locked: Served, header: str) -> None:
    """Clients of Azure's API were told that they had sent no key."""
    async with locked.http() as http:
        known = await http.get("/v1/models", headers={header: KEY})
        wrong = await http.get("/v1/models", headers={header: KEY[:-1]})
    assert known.status_code == 200
    assert error(wrong)[:2] == (401, "invalid_api_key")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Digest abc", "Basic ???", KEY])
async def test_no_key(locked: Served, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    async with locked.http() as http:
        answer = await post(http, headers)
    status, code, message = error(answer)
    assert (status, code) == (401, None)
    assert message.startswith("You didn't provide an API key. You need to provide your API key in ")
    assert answer.headers["www-authenticate"] == 'Bearer realm="auricle"'
    assert locked.runtime.asked == []


@pytest.mark.parametrize(
    ("key", "shown"),
    [("sk-somebody-else-9900", "sk-****9900"), (KEY[:-1], "sk-****5678"), ("short", "****")],
)
async def test_a_wrong_key_through_the_sdk(locked: Served, key: str, shown: str) -> None:
    async with locked.async_client(key) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.audio.transcriptions.create(model="base", file=b"x" * 2_000_000)
    assert caught.value.body == {
        "message": f"Incorrect API key provided: {shown}. The operator of this server gives out "
        "its keys.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }


async def test_what_needs_no_key(locked: Served) -> None:
    page = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    async with locked.http() as http:
        answers = [await http.get(path) for path in ("/health", "/docs", "/openapi.json")]
        answers.append(await http.options(PATH, headers=page))
        closed = [await http.get(path) for path in ("/", "/v1/models", "/nothing")]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 204]
    assert [answer.status_code for answer in closed] == [401, 401, 401]


async def test_keys_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# whose\nsk-one\n\n  sk-two  # Bob\n", encoding="utf-8")
    keys = ApiKeys.of(settings(api_keys_file=path, api_keys=("sk-three",)))
    for key in ("sk-one", "sk-two", "sk-three"):
        keys.check({"authorization": f"Bearer {key}"})
    with pytest.raises(Exception, match="Incorrect API key"):
        keys.check({"authorization": "Bearer sk-four"})


@pytest.mark.parametrize(
    ("changes", "is_warned"),
    [
        ({"host": "127.0.0.1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "0.0.0.0", "api_keys": (KEY,)}, False),
    ],
)
async def test_a_server_for_everybody_says_so(
    changes: dict[str, object], is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(runtime := FakeRuntime(settings(**changes))):
        await runtime.started.wait()
    warning = "everybody who can reach this address may use it; see api_keys"
    assert (warning in caplog.messages) is is_warned


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read the keys in .* \\(api_keys_file\\): No such file or directory"),
        (b"\xff\xfe", "cannot read the keys in .* \\(api_keys_file\\): it is not UTF-8"),
        (b"# nobody\n", "\\(api_keys_file\\) holds no key; write one on each line"),
    ],
)
async def test_a_file_without_keys_locks_nobody_in(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSetting, match=reason):
        async with serving(FakeRuntime(settings(api_keys_file=path))):
            pass


async def test_keys_are_shown_nowhere(locked: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with locked.http() as http:
        await post(http, {"authorization": f"Bearer {KEY}"})
    assert KEY not in caplog.text + repr(locked.runtime.settings)
