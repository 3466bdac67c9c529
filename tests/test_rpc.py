"""A child process: calls and answers over its pipes, and every way it can end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auricle.errors import AuricleError, InvalidRequest
from auricle.rpc import Child, ChildDied, Failure
from tests.echo_child import Said, Say

ROOT = Path(__file__).parents[1]

Echo = Child[Say, Said]


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[Echo]:
    child: Echo = await Child.start(
        "tests.echo_child",
        reply_type=Said | Failure,
        name="echo",
        env={
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
            "ECHO_LEFT": str(tmp_path / "left"),
        },
    )
    yield child
    await child.close()


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


async def test_close_lets_the_child_leave_by_itself(echo: Echo, tmp_path: Path):
    assert await echo.call(Say("hello")) == Said("hello", echo.pid)
    await echo.close()
    assert not echo.alive
    assert (tmp_path / "left").read_text() == "left in order"
