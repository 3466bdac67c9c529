"""A child process: calls and answers over its pipes, and every way it can end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auricle.errors import AuricleError, InvalidRequest, Unavailable
from auricle.rpc.child import Child, ChildDied
from auricle.rpc.wire import MAX_FRAME_BYTES, MAX_PARTS_AHEAD
from auricle.telemetry import request_id
from tests.rpc.echo_child import Count, Said, Say

ROOT = Path(__file__).parents[1]

Echo = Child[Say, Said | Count]


@pytest.fixture
def announced() -> asyncio.Queue[Said | Count]:
    """What the child said unasked."""
    return asyncio.Queue()


@pytest.fixture
async def echo(tmp_path: Path, announced: asyncio.Queue[Said | Count]) -> AsyncIterator[Echo]:
    child: Echo = await Child.start(
        "tests.rpc.echo_child",
        reply_type=Said | Count,
        name="echo",
        env={
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
            "ECHO_LEFT": str(tmp_path / "left"),
        },
        announced=announced.put_nowait,
    )
    yield child
    await child.close()


async def parts_of(echo: Echo, say: Say) -> list[Said | Count]:
    async with echo.stream(say) as parts:
        return [part async for part in parts]


async def test_a_call_is_answered(echo: Echo):
    assert await echo.call(Say("hello")) == Said("hello", echo.pid)
    assert echo.alive


async def test_calls_at_the_same_time_get_their_own_answers(echo: Echo):
    said = await asyncio.gather(*(echo.call(Say(str(i))) for i in range(50)))
    assert said == [Said(str(i), echo.pid) for i in range(50)]


async def test_answers_may_come_in_any_order(echo: Echo):
    first = asyncio.create_task(echo.call(Say("first", do="hold")))
    second = asyncio.create_task(echo.call(Say("second")))
    done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
    assert second in done
    assert await first == Said("first", echo.pid)


async def test_a_message_larger_than_a_pipe_holds(echo: Echo):
    text = "x" * 5_000_000
    assert await echo.call(Say(text)) == Said(text, echo.pid)


async def test_an_error_of_ours_is_raised_again_as_its_class(echo: Echo):
    with pytest.raises(InvalidRequest) as caught:
        await echo.call(Say("", do="refuse"))
    error = caught.value
    assert (error.message, error.param, error.code) == ("no such thing", "thing", "bad_thing")
    assert await echo.call(Say("still there")) == Said("still there", echo.pid)


async def test_any_other_error_names_its_class(echo: Echo):
    with pytest.raises(AuricleError) as caught:
        await echo.call(Say("", do="crash"))
    assert (type(caught.value), caught.value.message) == (AuricleError, "ZeroDivisionError: oh")


async def test_what_the_child_prints_stays_out_of_the_answers(echo: Echo):
    assert await echo.call(Say("a", do="print")) == Said("a", echo.pid)
    assert await echo.call(Say("b")) == Said("b", echo.pid)


async def test_a_call_given_up_leaves_the_others_alone(echo: Echo):
    given_up = asyncio.create_task(echo.call(Say("given up", do="hold")))
    await asyncio.wait({given_up}, timeout=0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await echo.call(Say("a")) == Said("a", echo.pid)
    assert await echo.call(Say("b")) == Said("b", echo.pid)


async def test_a_child_knows_for_which_request_it_works(echo: Echo):
    """Lines in its log said nothing of that."""
    with request_id.bound("req_7"):
        assert await echo.call(Say("", do="say whose")) == Said("req_7", echo.pid)
    assert await echo.call(Say("", do="say whose")) == Said("", echo.pid)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
async def test_a_killed_child_fails_every_waiting_call(echo: Echo):
    waiting = [asyncio.create_task(echo.call(Say("never", do="hold"))) for _ in range(2)]
    await asyncio.wait(waiting, timeout=0)
    os.kill(echo.pid, signal.SIGKILL)
    failed = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(error) for error in failed] == ["echo ended (killed by SIGKILL)"] * 2
    assert all(isinstance(error, ChildDied) for error in failed)
    await echo.wait_closed()
    assert not echo.alive
    with pytest.raises(ChildDied, match="echo is not running"):
        await echo.call(Say("hello?"))


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("exit", "echo ended (exit code 7)"),
        ("garbage", "echo sent an unreadable answer"),
        ("flood", "echo sent a frame of 4294967295 bytes"),
    ],
)
async def test_a_child_that_breaks_off_is_reported_with_how(echo: Echo, do, message):
    with pytest.raises(ChildDied) as caught:
        await echo.call(Say("", do=do))
    assert str(caught.value).startswith(message)


async def test_kill_ends_the_child_at_once(echo: Echo):
    echo.kill()
    await echo.wait_closed()
    echo.kill()
    assert not echo.alive


@pytest.mark.skipif(sys.platform == "win32", reason="signals of its own")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_all_does_not_end_the_child(echo: Echo, number: signal.Signals):
    """A service manager sends SIGTERM to every process of a server. The engine died of it at once,
    and the requests that the server wanted to finish failed."""
    await echo.call(Say("hello"))
    os.kill(echo.pid, number)
    assert await echo.call(Say("still here")) == Said("still here", echo.pid)


async def test_close_lets_the_child_leave_by_itself(echo: Echo, tmp_path: Path):
    assert await echo.call(Say("hello")) == Said("hello", echo.pid)
    await echo.close()
    assert not echo.alive
    assert (tmp_path / "left").read_text() == "left in order"


# Answers in parts


async def test_an_answer_in_parts_ends_with_its_last(echo: Echo):
    wanted = [Count(0), Count(1), Said("two", echo.pid)]
    assert await parts_of(echo, Say("two", do="count", n=2)) == wanted
    assert await parts_of(echo, Say("at once")) == [Said("at once", echo.pid)]


async def test_a_call_takes_the_last_part(echo: Echo):
    assert await echo.call(Say("many", do="count", n=500)) == Said("many", echo.pid)


async def test_who_does_not_take_parts_holds_up_that_answer_alone(echo: Echo):
    """The child may be `MAX_PARTS_AHEAD` ahead, and goes on when parts are taken."""
    n = 5 * MAX_PARTS_AHEAD
    async with echo.stream(Say("slowly taken", do="count", n=n)) as parts:
        assert await anext(parts) == Count(0)
        assert await parts_of(echo, Say("at once", do="count", n=n)) == [
            *map(Count, range(n)),
            Said("at once", echo.pid),
        ]
        assert [part async for part in parts] == [
            *map(Count, range(1, n)),
            Said("slowly taken", echo.pid),
        ]


@pytest.mark.parametrize("do", ["count", "count and wait"])
async def test_who_stops_listening_cancels_the_call_in_the_child(echo: Echo, announced, do):
    """``count`` waits for parts to be taken, ``count and wait`` for nothing: both learn of it."""
    n = 1000 if do == "count" else 1
    async with echo.stream(Say("it", do=do, n=n)) as parts:
        assert await anext(parts) == Count(0)
    assert await announced.get() == Said("it was cancelled", echo.pid)
    assert await echo.call(Say("still there")) == Said("still there", echo.pid)


async def test_a_cancelled_call_is_cancelled_in_the_child(echo: Echo, announced):
    waiting = asyncio.create_task(echo.call(Say("it", do="count and wait")))
    await asyncio.wait({waiting}, timeout=0)
    waiting.cancel()
    assert await announced.get() == Said("it was cancelled", echo.pid)


async def test_a_child_without_parent_cancels_everything(echo: Echo, announced, tmp_path: Path):
    async with echo.stream(Say("it", do="count", n=1000)) as parts:
        await anext(parts)
        await echo.close()
    assert await announced.get() == Said("it was cancelled", echo.pid)
    assert (tmp_path / "left").read_text() == "left in order"


async def test_an_error_after_parts(echo: Echo):
    async with echo.stream(Say("", do="count and refuse", n=1)) as parts:
        assert await anext(parts) == Count(0)
        with pytest.raises(InvalidRequest, match="enough"):
            await anext(parts)
    assert await echo.call(Say("still there")) == Said("still there", echo.pid)


@pytest.mark.parametrize(
    ("do", "how"),
    [
        ("count and exit", "echo ended (exit code 7)"),
        ("count and close the pipe", "echo ended (killed by SIGKILL)"),
        ("count and send garbage", "echo sent an unreadable answer"),
        ("count and wait", "echo was ended by the test (killed by SIGKILL)"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
async def test_a_child_that_ends_within_an_answer(echo: Echo, do, how):
    """The parts that came are taken, then it is said how the child ended; to each who waits."""
    other = asyncio.create_task(echo.call(Say("never", do="hold")))
    async with echo.stream(Say("", do=do, n=2)) as parts:
        assert await anext(parts) == Count(0)
        if do == "count and wait":
            assert await anext(parts) == Count(1)
            echo.kill("was ended by the test")
        else:
            await echo.wait_closed()
            assert await anext(parts) == Count(1)
        with pytest.raises(ChildDied) as caught:
            await anext(parts)
        with pytest.raises(StopAsyncIteration):
            await anext(parts)
    assert str(caught.value).startswith(how)
    with pytest.raises(ChildDied) as caught:
        await other
    assert str(caught.value).startswith(how)


async def test_a_child_that_sends_more_than_it_may_is_given_up(echo: Echo):
    with pytest.raises(ChildDied, match=r"echo sent more than 64 parts ahead \(killed by SIGKILL"):
        await parts_of_never(echo)


async def parts_of_never(echo: Echo) -> None:
    async with echo.stream(Say("", do="swamp")) as parts:
        await echo.wait_closed()
        async for _ in parts:
            pass


async def test_a_child_may_say_something_unasked(echo: Echo, announced):
    assert await echo.call(Say("news", do="announce")) == Said("news", echo.pid)
    assert announced.get_nowait() == Said("news", echo.pid)


# Limits


async def test_a_request_above_the_limit_is_not_sent(echo: Echo):
    with pytest.raises(AuricleError, match="bytes is above the limit of 67,108,864"):
        await echo.call(Say("x" * (MAX_FRAME_BYTES + 1)))
    assert await echo.call(Say("hello")) == Said("hello", echo.pid)


async def test_an_answer_above_the_limit_is_an_error(echo: Echo):
    with pytest.raises(AuricleError, match="bytes is above the limit of 67,108,864"):
        await echo.call(Say("", do="too long"))
    assert await echo.call(Say("hello")) == Said("hello", echo.pid)


# Starting


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), RuntimeError("no thread")])
async def test_a_process_that_cannot_be_started_now_may_be_later(monkeypatch, error):
    """An OSError went through everything and ended whoever started the process."""

    async def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    with pytest.raises(Unavailable) as caught:
        await Child.start("tests.rpc.echo_child", reply_type=Said, name="echo")
    assert caught.value.message == f"the echo could not be started: {error}"
    assert (caught.value.code, caught.value.retry_after_s) == ("process_not_started", 5)


async def test_a_file_in_the_users_folder_is_no_module(echo: Echo, tmp_path, monkeypatch):
    """``python -m`` looks there first: a user's tokenizers.py broke the engine."""
    (tmp_path / "msgspec.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    child: Echo = await Child.start(
        "tests.rpc.echo_child",
        reply_type=Said,
        name="echo",
        env={
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
            "ECHO_LEFT": str(tmp_path / "left"),
        },
    )
    assert await child.call(Say("hello")) == Said("hello", child.pid)
    await child.close()
