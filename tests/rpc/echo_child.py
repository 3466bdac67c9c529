"""A child process for ``test_child``: answers, fails, prints, streams, waits for a friend, or dies.

Knows nothing about audio; it exists to be misused.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import msgspec

from auricle.errors import InvalidRequest
from auricle.rpc.caller import Call, CallCancelled, Caller
from auricle.rpc.wire import MAX_FRAME_BYTES, MAX_PARTS_AHEAD
from auricle.telemetry import request_id


class Say(msgspec.Struct, frozen=True, tag=True):
    text: str
    do: str = "echo"
    n: int = 0


class Said(msgspec.Struct, frozen=True, tag=True):
    text: str
    pid: int


class Count(msgspec.Struct, frozen=True, tag=True):
    n: int


def count(caller: Caller[Say], call: Call[Say]) -> None:
    """So many parts and an answer; announces how it came out if that is not how it ended."""
    say = call.request
    try:
        for i in range(say.n):
            call.part(Count(i))
    except CallCancelled:
        caller.announce(Said(f"{say.text} was cancelled", os.getpid()))
        return
    match say.do:
        case "count":
            call.reply(Said(say.text, os.getpid()))
        case "count and refuse":
            call.fail(InvalidRequest("enough", code="enough"))
        case "count and exit":
            os._exit(7)
        case "count and close the pipe":
            os.close(caller._out.fileno())
        case "count and send garbage":
            caller._out.write(b"\x00\x00\x00\x03abc")
            caller._out.flush()
        case "count and wait":
            while not call.is_cancelled:
                pass
            caller.announce(Said(f"{say.text} was cancelled", os.getpid()))


def misbehave(caller: Caller[Say], call: Call[Say]) -> bool:
    """What a child must not do, or does not do for long; whether the call is dealt with."""
    match call.request.do:
        case "print":
            sys.stdout.write("noise on standard output\n")
            sys.stdout.flush()
            os.write(1, b"more noise\n")
            return False
        case "exit":
            os._exit(7)
        case "garbage":
            caller._out.write(b"\x00\x00\x00\x03abc")
            caller._out.flush()
        case "flood":
            caller._out.write(b"\xff\xff\xff\xff")
            caller._out.flush()
        case "swamp":
            for i in range(2 * MAX_PARTS_AHEAD):
                caller.send(call._id, False, Count(i))
        case "too long":
            call.reply(Said("x" * (MAX_FRAME_BYTES + 1), os.getpid()))
        case "say whose":
            call.reply(Said(request_id.current(), os.getpid()))
        case "announce":
            caller.announce(Said(call.request.text, os.getpid()))
            return False
        case _:
            return False
    return True


def main() -> None:
    caller: Caller[Say] = Caller(Say)
    held: list[Call[Say]] = []
    counting: list[threading.Thread] = []
    for call in caller:
        match call.request.do:
            case "hold":  # answered later, after a call that came after it
                held.append(call)
            case "refuse":
                call.fail(InvalidRequest("no such thing", param="thing", code="bad_thing"))
            case "crash":
                call.fail(ZeroDivisionError("oh"))
            case do if do.startswith("count"):
                counting.append(threading.Thread(target=count, args=(caller, call)))
                counting[-1].start()
            case _ if not misbehave(caller, call):
                for each in (call, *held):
                    each.reply(Said(each.request.text, os.getpid()))
                held.clear()
    for thread in counting:
        thread.join()
    Path(os.environ["ECHO_LEFT"]).write_text("left in order", encoding="utf-8")


if __name__ == "__main__":
    main()
