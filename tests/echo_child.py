"""A child process for ``test_child``: answers, fails, prints, waits for a friend, or dies.

Knows nothing about audio; it exists to be misused.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from auricle.errors import InvalidRequest
from auricle.rpc import Caller, Failure


class Say(msgspec.Struct, frozen=True, tag=True):
    text: str
    do: str = "echo"


class Said(msgspec.Struct, frozen=True, tag=True):
    text: str
    pid: int


def main() -> None:
    caller: Caller[Say] = Caller(Say)
    held: list[tuple[int, Say]] = []
    while (received := caller.read()) is not None:
        call_id, say = received
        match say.do:
            case "hold":  # answered later, after a call that came after it
                held.append(received)
                continue
            case "print":
                sys.stdout.write("noise on standard output\n")
                sys.stdout.flush()
                os.write(1, b"more noise\n")
            case "refuse":
                error = InvalidRequest("no such thing", param="thing", code="bad_thing")
                caller.reply(call_id, Failure.of(error))
                continue
            case "crash":
                caller.reply(call_id, Failure.of(ZeroDivisionError("oh")))
                continue
            case "exit":
                os._exit(7)
            case "garbage":
                caller._out.write(b"\x00\x00\x00\x03abc")
                caller._out.flush()
                continue
            case "flood":
                caller._out.write(b"\xff\xff\xff\xff")
                caller._out.flush()
                continue
        caller.reply(call_id, Said(say.text, os.getpid()))
        for earlier_id, earlier in held:
            caller.reply(earlier_id, Said(earlier.text, os.getpid()))
        held.clear()
    Path(os.environ["ECHO_LEFT"]).write_text("left in order", encoding="utf-8")


if __name__ == "__main__":
    main()
