"""Who may ask: pages by their origin, everybody by the name they call and the key they carry."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import openai
import pytest
import pytest_asyncio
from starlette.types import Scope

from auricle import keyring
from auricle.errors import BadSetting, Unauthorized
from auricle.grants import EVERYTHING, Grant
from auricle.server.access.keys import ApiKeys, given_key
from auricle.server.access.origins import Origins
from auricle.settings.config import load
from tests.server.conftest import Log, Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/audio/transcriptions"
KEY = "sk-auricle-0123456789"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def locked() -> AsyncIterator[Served]:
    """A server that wants keys."""
    runtime = FakeRuntime(settings(api_keys=(KEY, "second")))
    async with serving(runtime) as served:
        await runtime.started.wait()
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def named() -> AsyncIterator[Served]:
    """A server with a name of its own."""
    async with serving(FakeRuntime(settings(allowed_hosts=("speech.example",)))) as served:
        yield served


async def post(http: httpx2.AsyncClient, headers: Mapping[str, str]) -> httpx2.Response:
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
        ("local", "http://[", False),
        ("local", "http://[::1", False),
        ("local", "http://example.com\\@localhost", False),
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
        "retry-after, x-should-retry, content-disposition, x-auricle-audio-track, "
        "x-auricle-warning, dg-request-id, dg-error, dg-model-name, dg-model-uuid",
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
        ("192.168.1.7:50060", 200),
        ("[::1]:50060", 200),
        ("auricle.localhost", 200),
        ("host.docker.internal:50060", 200),
        ("auricle:50060", 200),
        ("auricle.local.", 200),
        ("auricle.default.svc.cluster.local", 200),
        ("Speech.Example:443", 200),
        ("evil.example:50060", 403),
        ("localhost.evil.example", 403),
        ("evil-local", 200),
        ("evil.notlocal", 403),
        (".", 403),
    ],
)
async def test_a_server_answers_only_to_its_names(named: Served, host: str, status: int) -> None:
    """A page can have its own name point to 127.0.0.1, and would then be at home here."""
    async with named.http() as http:
        answer = await http.get("/openapi.json", headers={"host": host})
    assert answer.status_code == status
    if status == 403:
        name = host.partition(":")[0].rstrip(".")
        assert error(answer) == (
            403,
            "host_not_allowed",
            f"This server does not answer to the name {name!r}. Its operator can allow it with "
            "the setting allowed_hosts.",
        )


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"insecure": True}, 403), ({"insecure": True, "allowed_hosts": ("*",)}, 200)],
)
async def test_a_server_that_others_reach_answers_only_to_its_names_too(
    changes: dict[str, object], status: int
) -> None:
    """It answered to every name, so that a page of the web could unload its models."""
    runtime = FakeRuntime(settings(host="0.0.0.0", **changes))
    async with serving(runtime) as served, served.http() as http:
        url = f"http://127.0.0.1:{served.address[1]}/v1/models/base/unload"
        answer = await http.post(url, headers={"host": "rebound.example"})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("head", "status", "message"),
    [
        (b"HTTP/1.1\r\n", 400, "The request has no Host header; HTTP/1.1 wants one."),
        (b"HTTP/1.1\r\nHost:\r\n", 400, "The request has no Host header; HTTP/1.1 wants one."),
        (
            b"HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
            400,
            "The request has 2 Host headers; HTTP/1.1 wants one.",
        ),
        (b"HTTP/1.0\r\n", 200, None),
        (
            b"HTTP/1.0\r\nHost: evil.example\r\n",
            403,
            "This server does not answer to the name 'evil.example'. Its operator can allow it "
            "with the setting allowed_hosts.",
        ),
    ],
    ids=["none", "empty", "two", "none in HTTP/1.0", "foreign in HTTP/1.0"],
)
async def test_a_request_has_one_host(
    served: Served, head: bytes, status: int, message: str | None
) -> None:
    """Without one, or with two of which the first was looked at, the name was not checked."""
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(b"GET /v1/models " + head + b"Connection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    lines, _, body = answer.partition(b"\r\n\r\n")
    assert lines.split(b" ")[1] == str(status).encode()
    if message is not None:
        assert json.loads(body)["error"]["message"] == message


# Keys


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f":{password}".encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer   {KEY}"},
        {"authorization": f"Bearer\t{KEY}"},
        {"authorization": f"Token {KEY}"},
        {"authorization": basic(KEY)},
        {"authorization": basic("second")},
        {"api-key": KEY},
        {"x-api-key": KEY},
        {"authorization": "Digest abc", "x-api-key": KEY},
    ],
    ids=str,
)
async def test_a_known_key_opens(locked: Served, headers: dict[str, str]) -> None:
    """One with a tab before it was taken for none."""
    async with locked.http() as http:
        answer = await http.get("/v1/models", headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, b"", b"Bearer", b"Digest abc", b"Basic ???", b"Basic \xc3\xa9", KEY.encode()],
)
async def test_no_key(locked: Served, authorization: bytes | None) -> None:
    """``Basic é`` was a 500: base64 is decoded from ASCII only."""
    headers = [] if authorization is None else [(b"authorization", authorization)]
    async with locked.http() as http:
        answer = await post(http, httpx2.Headers(headers))
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
        keys.check(key)
    with pytest.raises(Unauthorized, match="Incorrect API key"):
        keys.check("sk-four")


@pytest.mark.parametrize(
    ("subprotocols", "key"),
    [
        (["realtime", f"openai-insecure-api-key.{KEY}", "openai-organization.x"], KEY),
        (["token", KEY], KEY),
        (["Bearer", KEY, "x-deepgram-session-id", "7"], KEY),
        (["mine", "token", KEY, "x-deepgram-session-id", "7"], KEY),
        (["token"], ""),
        (["realtime"], ""),
        ([], ""),
    ],
)
async def test_a_page_gives_its_key_among_the_subprotocols(
    subprotocols: list[str], key: str
) -> None:
    scope: Scope = {"type": "websocket", "headers": [], "subprotocols": subprotocols}
    assert given_key(scope) == key


@pytest.mark.parametrize(
    ("changes", "key", "address", "client"),
    [
        ({}, "sk-anything", "10.0.0.7", "address 10.0.0.7"),
        ({}, "", "2001:db8:1:2:3::7", "address 2001:db8:1:2::/64"),
        ({}, "", "fe80::1%eth0", "address fe80::/64"),
        ({}, "", "", "address "),
        ({"api_keys": ("second",)}, "second", "10.0.0.7", "key 16367aacb67a4a01"),
    ],
)
async def test_a_client_is_known_by_a_checked_key_or_its_address(
    changes: dict[str, object], key: str, address: str, client: str
) -> None:
    """A key that nobody checks told clients apart: with a new one each time a client was always
    somebody else."""
    assert ApiKeys.of(settings(**changes)).client(key, address) == client


async def test_a_server_that_others_reach_does_not_start_without_keys() -> None:
    """It only warned that everybody may use it."""
    with pytest.raises(BadSetting) as caught:
        async with serving(FakeRuntime(settings(host="0.0.0.0"))):
            pass
    assert caught.value.message == (
        "others reach this server on 0.0.0.0, and it has no keys: name them with --api-keys-file "
        "or --keyring, or let everybody in with --insecure"
    )


@pytest.mark.parametrize(
    ("changes", "is_warned"),
    [
        ({"host": "127.0.0.1", "insecure": True}, False),
        ({"host": "0.0.0.0", "insecure": True}, True),
        ({"host": "0.0.0.0", "api_keys": (KEY,)}, False),
    ],
)
async def test_a_server_for_everybody_says_so(
    changes: dict[str, object], is_warned: bool, log: Log
) -> None:
    async with serving(runtime := FakeRuntime(settings(**changes))):
        await runtime.started.wait()
    warning = "everybody who can reach this address may use it without a key"
    assert (warning in log.lines) is is_warned


@pytest.mark.parametrize("n_keys", [0, 1])
async def test_a_keyring_without_keys_is_told_of(n_keys: int, log: Log, tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    for name in "ab"[:n_keys]:
        keyring.add(path, name, EVERYTHING, None, datetime.now(UTC))
    async with serving(runtime := FakeRuntime(settings(keyring=path))):
        await runtime.started.wait()
    assert (f"{path} (keyring) holds no key: nobody is let in" in log.lines) is (n_keys == 0)


@pytest.mark.parametrize("name", ["AURICLE_API_KEYS_FILE", "AURICLE_API_KEYS"])
@pytest.mark.parametrize("value", ["", " , "])
async def test_keys_that_are_given_as_nothing_are_refused(name: str, value: str) -> None:
    """An empty variable, such as one of a container whose secret is missing, meant an open
    server."""
    environ = {name: value, "XDG_CONFIG_HOME": "/nowhere"}
    if value and name.endswith("FILE"):
        pytest.skip("a path like any other")
    with pytest.raises(BadSetting) as caught:
        load(environ=environ)
    assert caught.value.message == f"{name} is empty; give it a value, or leave it out"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read the keys in .* \\(api_keys_file\\): No such file or directory"),
        (b"\xff\xfe", "cannot read the keys in .* \\(api_keys_file\\): it is not UTF-8"),
        (b"# nobody\n", "\\(api_keys_file\\) holds no key; write one on each line"),
        (
            "sk-1\nGrüße".encode(),
            "line 2 of .*keys \\(api_keys_file\\): a key may hold only visible",
        ),
        (
            b"one two\n",
            "line 1 of .*: a key may hold only visible",
        ),
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


# A keyring


async def test_a_keyring_lets_its_keys_in_until_they_are_revoked(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    runtime = FakeRuntime(settings(keyring=path, host="127.0.0.1"))
    keys = ApiKeys.of(runtime.settings)
    grant = Grant(("base",), 1, 0.0)
    async with serving(runtime) as served, served.http() as http:
        assert (await http.get("/v1/models")).status_code == 401
        wrong = await http.get("/v1/models", headers={"x-api-key": "sk-auricle-wrong-one-of-ours"})
        assert wrong.status_code == 401
    key = keyring.add(path, "ann", grant, None, datetime.now(UTC))
    keys = ApiKeys.of(runtime.settings)
    keys.check(key)
    client = keys.client(key, "127.0.0.1")
    assert (client[:4], keys.grant_of(client)) == ("key ", grant)
    assert keys.grant_of("key of somebody else") == EVERYTHING
    keyring.revoke(path, "ann")
    with pytest.raises(Unauthorized):
        ApiKeys.of(runtime.settings).check(key)


async def test_others_are_let_in_where_there_is_a_keyring(tmp_path: Path) -> None:
    ApiKeys.of(settings(host="0.0.0.0", keyring=tmp_path / "keyring.json"))
    with pytest.raises(BadSetting, match="--api-keys-file or --keyring"):
        ApiKeys.of(settings(host="0.0.0.0"))
