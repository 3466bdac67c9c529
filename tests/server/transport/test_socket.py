"""Websockets: who may open one, how messages pass, and with what code each end is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from auricle.errors import BadMedia, Overloaded
from auricle.server.transport import socket, websocket_protocol
from auricle.server.transport.socket import Closed, Socket, SocketOptions, accepted
from auricle.server.transport.websocket_protocol import WebSocketProtocol
from tests.server.conftest import Log, Served, serving, settings
from tests.server.fakes import FakeRuntime
from tests.server.raw import connected
from tests.waiting import advance, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

Session = Callable[[Socket], Awaitable[None]]


class Talk:
    """A path whose sockets are served by what the test says."""

    def __init__(self) -> None:
        self.session: Session = echo
        self.options = SocketOptions()
        self.sockets: list[Socket] = []
        self.is_lost: Callable[[], bool] = lambda: True
        """Whether the client that came last is gone."""
        self.opens = asyncio.Event()
        """Sockets are accepted once it is set."""
        self.opens.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.is_lost = scope["extensions"][websocket_protocol.LOST]
        await self.opens.wait()
        async with accepted(scope, receive, send, self.options) as opened:
            self.sockets.append(opened)
            await self.session(opened)


async def echo(opened: Socket) -> None:
    async for message in opened:
        opened.send(f"{len(message)} {type(message).__name__}")
    if opened.ended != "left":
        opened.send(f"ended: {opened.ended}")


class Talking:
    """A server with a path for websockets."""

    def __init__(self, served: Served, talk: Talk) -> None:
        self.served = served
        self.talk = talk

    def open(self, path: str = "/talk", **options: object) -> connect:
        url = self.served.url.replace("http://", "ws://")
        given: dict[str, object] = {"proxy": None, "compression": None, **options}
        return connect(f"{url}{path}", **given)  # type: ignore[arg-type]  # a table has no one type


@contextlib.asynccontextmanager
async def talking(**changes: object) -> AsyncIterator[Talking]:
    talk = Talk()
    runtime = FakeRuntime(settings(**changes))
    async with serving(runtime, [WebSocketRoute("/talk", talk)]) as served:
        await runtime.started.wait()
        yield Talking(served, talk)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _shared_talking() -> AsyncIterator[Talking]:
    async with talking() as found:
        yield found


@pytest.fixture
def shared_talking(_shared_talking: Talking) -> Talking:
    talk = _shared_talking.talk
    talk.session, talk.options, talk.sockets = echo, SocketOptions(), []
    talk.opens.set()
    return _shared_talking


async def closed(
    client: ClientConnection,
) -> tuple[int, str, list[str | bytes]]:
    """With what the server closes, and what it sends until then."""
    messages: list[str | bytes] = []
    with contextlib.suppress(ConnectionClosed):
        async for message in client:
            messages.append(message)  # those before an error count
    return client.close_code or 0, client.close_reason or "", messages


# Messages


async def test_messages_pass_both_ways(shared_talking: Talking, log: Log) -> None:
    async with shared_talking.open() as client:
        await client.send("hello")
        await client.send(b"audio")
        await client.send(b"")
        answers = [await client.recv() for _ in range(3)]
        assert client.response is not None
        name = client.response.headers["x-request-id"]
    await until(lambda: len(log.lines) == 1)
    assert answers == ["5 str", "5 bytes", "0 bytes"]
    assert log.lines[0].startswith("websocket /talk 101 in ")
    assert log.lines[0].endswith(f" ({name})")


async def test_a_message_of_15_mib_is_taken_and_a_larger_one_is_not(
    shared_talking: Talking,
) -> None:
    async with shared_talking.open() as client:
        await client.send(b"x" * (15 * 1024 * 1024))
        assert await client.recv() == f"{15 * 1024 * 1024} bytes"
        with contextlib.suppress(ConnectionClosed):
            await client.send(b"x" * (websocket_protocol.MAX_MESSAGE_BYTES + 1))
        assert (await closed(client))[0] == 1009


async def test_a_message_has_a_limited_number_of_parts(
    shared_talking: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty parts without end filled the memory, and no limit of bytes was ever reached."""
    monkeypatch.setattr(websocket_protocol, "MAX_FRAGMENTS", 100)
    async with shared_talking.open() as client:
        client.protocol.send_text(b"", fin=False)
        for _ in range(200):
            client.protocol.send_continuation(b"", fin=False)
        client.transport.writelines(client.protocol.data_to_send())
        assert (await closed(client))[:2] == (1009, "too many fragments")


async def test_what_is_no_text_is_refused(
    shared_talking: Talking, caplog: pytest.LogCaptureFixture
) -> None:
    """By the close alone: a client's fault is none in the log."""
    async with shared_talking.open() as client:
        frame = Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True)
        client.transport.write(frame)
        assert (await closed(client))[0] == 1007
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_compression_is_not_offered(shared_talking: Talking) -> None:
    async with shared_talking.open(compression="deflate") as client:
        assert client.response is not None
        assert "sec-websocket-extensions" not in client.response.headers


async def test_the_terms_are_in_the_handshake(shared_talking: Talking) -> None:
    shared_talking.talk.options = SocketOptions("realtime", {"dg-request-id": "7"})
    async with shared_talking.open(
        subprotocols=["realtime", "openai-beta.realtime-v1"], origin="http://localhost:3000"
    ) as client:
        assert client.response is not None
        headers = client.response.headers
        assert (client.subprotocol, headers["dg-request-id"]) == ("realtime", "7")
        assert headers["access-control-allow-origin"] == "http://localhost:3000"


# Ends


async def test_who_closes_gets_its_own_code_back(shared_talking: Talking) -> None:
    async with shared_talking.open() as client:
        await client.close(1000)
        await until(lambda: shared_talking.talk.sockets[0].ended == "left")
    assert client.close_code == 1000


async def test_a_client_that_breaks_off_has_left(shared_talking: Talking) -> None:
    async with shared_talking.open() as client:
        await until(lambda: bool(shared_talking.talk.sockets))
        client.transport.abort()
        await until(lambda: shared_talking.talk.sockets[0].ended == "left")
    with pytest.raises(Closed):
        shared_talking.talk.sockets[0].send("too late")


async def test_who_leaves_before_it_is_let_in_is_no_fault(
    shared_talking: Talking, log: Log
) -> None:
    """It was logged as a bug."""
    talk = shared_talking.talk
    talk.opens.clear()
    async with connected(shared_talking.served) as client:
        await client.send(HANDSHAKE)
        await until(lambda: not talk.is_lost())
    await until(talk.is_lost)
    talk.opens.set()

    def lines() -> list[str]:
        """Without those of the test before, whose stream may end only now."""
        return [line for line in log.lines if " 101 in " not in line]

    await until(lambda: bool(lines()))
    assert lines() == [line for line in lines() if "left by its client (req_" in line]


@pytest.mark.parametrize("n_waiting", [0, 2])
async def test_who_leaves_is_missed_while_a_message_is_worked_on(
    shared_talking: Talking, n_waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that was gone was noticed once all was read that it had sent: minutes of speech."""
    monkeypatch.setattr(websocket_protocol, "MAX_UNRECEIVED_BYTES", 1_000_000)
    begun, given_up = asyncio.Event(), asyncio.Event()

    async def working(opened: Socket) -> None:
        async for _ in opened:
            begun.set()
            while True:
                try:
                    opened.check()
                except Closed:
                    break
                await asyncio.sleep(0)
            given_up.set()

    shared_talking.talk.session = working
    async with shared_talking.open() as client:
        for _ in range(1 + n_waiting):
            await client.send(b"x" * 600_000)
        await begun.wait()
        client.transport.abort()
        await given_up.wait()
    assert shared_talking.talk.sockets[0].ended == "left"


async def test_who_waits_for_its_messages_to_be_read_is_not_given_up(
    shared_talking: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer to the server's ping lay behind them, and it was closed with 1011."""
    monkeypatch.setattr(websocket_protocol, "MAX_UNRECEIVED_BYTES", 1_000_000)
    begun, more = asyncio.Event(), asyncio.Event()

    async def slow(opened: Socket) -> None:
        async for message in opened:
            begun.set()
            await more.wait()
            opened.send(f"{len(message)}")

    shared_talking.talk.session = slow
    async with shared_talking.open(ping_interval=None) as client:
        for _ in range(4):
            await client.send(b"x" * 600_000)
        await begun.wait()
        for _ in range(3):
            advance(websocket_protocol.PING_S)
            await asyncio.sleep(0.01)  # for timers and a round trip; nothing is asked of either
        more.set()
        assert [await client.recv() for _ in range(4)] == ["600000"] * 4


def _slow(talking: Talking) -> tuple[asyncio.Event, asyncio.Event]:
    """Its session works on each message until the second event; the first says that it does."""
    begun, more = asyncio.Event(), asyncio.Event()

    async def slow(opened: Socket) -> None:
        async for _ in opened:
            begun.set()
            await more.wait()

    talking.talk.session = slow
    return begun, more


async def test_what_came_behind_a_large_message_is_read_while_it_is_worked_on(
    shared_talking: Talking,
) -> None:
    """A ping behind 15 MiB and a commit was answered when minutes of speech had been read."""
    begun, more = _slow(shared_talking)
    async with shared_talking.open() as client:
        large = Frame(Opcode.BINARY, b"x" * 15 * 1024 * 1024).serialize(mask=True)
        client.transport.write(large + Frame(Opcode.TEXT, b"commit").serialize(mask=True))
        await begun.wait()
        await (await client.ping())
        more.set()


async def test_pings_are_answered_while_messages_wait(shared_talking: Talking) -> None:
    """Libraries took the server for gone when they had sent what takes a minute to read."""
    begun, more = _slow(shared_talking)
    async with shared_talking.open() as client:
        for _ in range(12):
            await client.send(b"x" * 1_000_000)
        await begun.wait()
        await (await client.ping())
        more.set()


async def test_messages_that_wait_have_a_limit_for_all(
    shared_talking: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_protocol, "MAX_ALL_UNRECEIVED_BYTES", 500_000)
    monkeypatch.setattr(websocket_protocol, "MIN_UNRECEIVED_BYTES", 300_000)
    counts: list[int] = []

    async def counting(opened: Socket) -> None:
        async for _ in opened:
            counts.append(WebSocketProtocol.n_all_unreceived)
            await asyncio.sleep(0)

    shared_talking.talk.session = counting
    async with shared_talking.open() as client, shared_talking.open() as other:
        for _ in range(50):
            await asyncio.gather(client.send(b"x" * 90_000), other.send(b"x" * 90_000))
        client.transport.abort()
    await until(lambda: shared_talking.talk.is_lost() and not WebSocketProtocol.n_all_unreceived)
    assert max(counts) < 500_000 + 2 * 300_000  # what one portion from the system may add


async def test_a_session_that_ends_closes_normally(shared_talking: Talking) -> None:
    async def once(opened: Socket) -> None:
        opened.send("done")

    shared_talking.talk.session = once
    async with shared_talking.open() as client:
        assert await closed(client) == (1000, "", ["done"])


async def test_a_session_may_close_with_a_code_of_its_own(shared_talking: Talking) -> None:
    async def refuse(opened: Socket) -> None:
        async for message in opened:
            opened.send("sent before")
            opened.close(4000, "invalid_request_error.invalid_model" + "é" * 100)
            assert message == "hello"
        assert opened.ended == "closed"
        opened.send("and sent after")

    shared_talking.talk.session = refuse
    async with shared_talking.open() as client:
        await client.send("hello")
        code, reason, messages = await closed(client)
    assert (code, messages) == (4000, ["sent before", "and sent after"])
    assert reason == "invalid_request_error.invalid_model" + "é" * 44


@pytest.mark.parametrize(
    ("options", "code", "ended"),
    [
        (SocketOptions(idle_s=15), 1001, "idle"),
        (SocketOptions(idle_s=60, max_s=15), 1001, "expired"),
    ],
)
async def test_a_socket_has_its_time(
    shared_talking: Talking, options: SocketOptions, code: int, ended: str
) -> None:
    shared_talking.talk.options = options
    async with shared_talking.open() as client:
        await until(lambda: bool(shared_talking.talk.sockets))
        advance(15)
        assert await closed(client) == (code, "", [f"ended: {ended}"])


async def test_messages_keep_a_socket_from_being_idle(shared_talking: Talking) -> None:
    shared_talking.talk.options = SocketOptions(idle_s=15)
    async with shared_talking.open() as client:
        for _ in range(10):
            await client.send("")
            assert await client.recv() == "0 str"
            advance(5)
        advance(15)
        assert (await closed(client))[2] == ["ended: idle"]


@pytest.mark.parametrize(
    ("problem", "code", "reason"),
    [
        (BadMedia("No audio."), 1008, "No audio."),
        (Overloaded("Busy."), 1013, "Busy."),
        (RuntimeError("secret"), 1011, "The server had an error while processing your request. "),
    ],
)
async def test_an_error_is_a_code_and_a_reason(
    shared_talking: Talking, log: Log, problem: Exception, code: int, reason: str
) -> None:
    async def failing(opened: Socket) -> None:
        opened.send("said before")
        raise problem

    shared_talking.talk.session = failing
    async with shared_talking.open() as client:
        found = await closed(client)
    await until(lambda: log.lines[-1:] != [] and "websocket" in log.lines[-1])
    assert (found[0], found[2]) == (code, ["said before"])
    assert found[1].startswith(reason)
    assert f", closed with {code}, with an error (req_" in log.lines[-1]


CODE = socket.POLICY_VIOLATION.to_bytes(2)

HANDSHAKE = (
    b"GET /talk HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """So long a text as fills the outbox behind the system's buffers is patched away."""
    monkeypatch.setattr(socket, "MAX_OUTBOX_BYTES", 100_000)
    monkeypatch.setattr(socket, "FLUSH_S", 0.05)


async def talkative(opened: Socket) -> None:
    with contextlib.suppress(Closed):
        while True:
            opened.send("x" * 50_000)
            await asyncio.sleep(0)
    assert opened.ended == "slow"


@pytest.mark.usefixtures("brief")
async def test_a_client_that_does_not_read_is_given_up(shared_talking: Talking, log: Log) -> None:
    """Its session is over at once, and the code is what it reads last if it ever reads. Until it
    did, the session waited."""
    shared_talking.talk.session = talkative
    async with connected(shared_talking.served) as client:
        await client.send(HANDSHAKE)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        await until(lambda: any("websocket" in line for line in log.lines))
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        await client.send(Frame(Opcode.CLOSE, CODE).serialize(mask=True))
        assert (await client.rest()).endswith(Frame(Opcode.CLOSE, CODE).serialize(mask=False))


@pytest.mark.usefixtures("brief")
async def test_a_client_that_goes_on_without_reading_is_cut_off(shared_talking: Talking) -> None:
    """It could keep its connection for as long as it sent."""
    shared_talking.talk.session = talkative
    async with connected(shared_talking.served) as client:
        await client.send(HANDSHAKE)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
        await until(lambda: any(each.ended == "slow" for each in shared_talking.talk.sockets))
        while not shared_talking.talk.is_lost():
            client.writer.write(Frame(Opcode.TEXT, b"on and on").serialize(mask=True))
            advance(websocket_protocol.CLOSE_S)
            await asyncio.sleep(0)


async def test_pings_that_nobody_reads_the_answers_of_end_the_connection(
    shared_talking: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers to a flood of pings gathered in memory."""
    monkeypatch.setattr(websocket_protocol, "MAX_UNREAD_BYTES", 10_000)
    async with shared_talking.open() as client:
        await until(lambda: bool(shared_talking.talk.sockets))
        client.transport.pause_reading()
        ping = Frame(Opcode.PING, b"x" * 125).serialize(mask=True)
        with contextlib.suppress(ConnectionError):
            while shared_talking.talk.sockets[0].ended is None:
                client.transport.write(ping * 1000)
                await asyncio.sleep(0)
        client.transport.abort()


# A server that stops


async def test_a_stopping_server_lets_sessions_say_their_last_words() -> None:
    """Sockets were closed at once, and the end of what had been said was lost."""
    more = asyncio.Event()

    async def last_words(opened: Socket) -> None:
        async for _ in opened:
            pass
        await more.wait()
        opened.send(f"the rest, because of {opened.ended}")

    async with talking() as found:
        found.talk.session = last_words
        async with found.open() as client:
            await until(lambda: bool(found.talk.sockets))
            found.served.server.stop()
            await until(lambda: found.talk.sockets[0].ended is not None)
            with pytest.raises(InvalidStatus) as caught:
                await found.open()
            more.set()
            assert await closed(client) == (1012, "", ["the rest, because of stopping"])
    response = caught.value.response
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert json.loads(response.body or b"")["error"]["message"] == "The server is shutting down."


async def test_a_session_that_does_not_end_in_time_is_cut_off() -> None:
    async with talking(drain_s=0) as found:

        async def deaf(_: Socket) -> None:
            await asyncio.Event().wait()

        found.talk.session = deaf
        async with found.open() as client:
            await until(lambda: bool(found.talk.sockets))
            found.served.server.stop()
            assert await closed(client) == (1012, "The server is shutting down.", [])


# Who may open one


async def refusal(found: Talking, **options: object) -> tuple[int, str | None, str]:
    with pytest.raises(InvalidStatus) as caught:
        await found.open(**options)  # type: ignore[arg-type]  # a path may be among them
    response = caught.value.response
    assert response.headers["x-request-id"].startswith("req_")
    error = json.loads(response.body or b"")["error"]
    return response.status_code, error["code"], error["message"]


async def test_a_path_that_lets_none_in_refuses(shared_talking: Talking) -> None:
    for path in ("/nothing", "/v1/audio/transcriptions", "/health"):
        message = f"There is no websocket at {path}."
        assert await refusal(shared_talking, path=path) == (404, None, message)


async def test_pages_and_names_are_checked(shared_talking: Talking) -> None:
    page = await refusal(shared_talking, origin="https://example.com")
    host = await refusal(shared_talking, additional_headers={"host": "evil.example"})
    assert (page[:2], host[0]) == ((403, "origin_not_allowed"), 400)
    assert shared_talking.talk.sockets == []


async def test_keys_are_checked() -> None:
    async with talking(api_keys=("sk-one",)) as found:
        refused = [
            await refusal(found),
            await refusal(found, additional_headers={"authorization": "Bearer sk-two"}),
            await refusal(found, subprotocols=["token", "sk-two"]),
        ]
        opened = []
        for options in (
            {"additional_headers": {"authorization": "Token sk-one"}},
            {"subprotocols": ["realtime", "openai-insecure-api-key.sk-one"]},
            {"subprotocols": ["token", "sk-one"]},
        ):
            async with found.open(**options) as client:
                await client.send("hello")
                opened.append(await client.recv())
    assert [each[:2] for each in refused] == [(401, None), *[(401, "invalid_api_key")] * 2]
    assert opened == ["5 str"] * 3


async def test_sockets_have_a_limit_for_each_client_and_for_all() -> None:
    keys = {"api_keys": ("sk-one", "sk-two", "sk-three")}
    one, two, three = ({"authorization": f"Bearer {key}"} for key in keys["api_keys"])
    async with (
        talking(**keys, max_sockets=2) as found,
        found.open(additional_headers=one),
    ):
        own = await refusal(found, additional_headers=one)
        async with found.open(additional_headers=two):
            everybody = await refusal(found, additional_headers=three)
        async with found.open(additional_headers=three) as client:
            await client.send("hello")
            assert await client.recv() == "5 str"
    assert own == (
        429,
        "rate_limit_exceeded",
        "1 websockets at one time are the limit of this server for one client "
        "(max_sockets_per_client); try again later.",
    )
    assert everybody == (
        429,
        "rate_limit_exceeded",
        "2 websockets at one time are the limit of this server (max_sockets); try again later.",
    )


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"X: " + b"a" * 10_000 + b"\r\n", "read 10005 bytes, expected no more than 8192 bytes"),
        (b"X: a\r\n" * 200, "expected no more than 128 headers"),
    ],
    ids=["long", "many"],
)
async def test_a_handshake_that_cannot_be_read_is_answered(
    shared_talking: Talking, lines: bytes, reason: str
) -> None:
    """The library refuses shorter heads than HTTP may have; such a client got no answer at all."""
    async with connected(shared_talking.served) as client:
        await client.send(
            b"GET /talk HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + lines + b"\r\n"
        )
        answer = await client.answer()
    assert answer.status == 431
    assert answer.error["message"] == f"The websocket handshake cannot be read: {reason}."
