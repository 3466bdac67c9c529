"""The child's end of the pipes: takes calls and answers them.

Knows nothing about what the calls mean.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, Generic, TypeVar

import msgspec

from auricle.errors import AuricleError
from auricle.rpc.wire import (
    ANNOUNCED,
    LENGTH,
    MAX_PARTS_AHEAD,
    Cancel,
    Credit,
    Failure,
    header,
)
from auricle.telemetry import request_id

Request = TypeVar("Request")


class CallCancelled(Exception):
    """The parent has cancelled the call, or is gone: let go of what belongs to it."""


class Call(Generic[Request]):
    """One request and its answer. Every method may be called from any thread."""

    def __init__(
        self, caller: Caller[Request], call_id: int, request: Request, request_id: str = ""
    ) -> None:
        self.request = request
        self.request_id = request_id
        """Of what the work is done for, for the log."""
        self._caller = caller
        self._id = call_id
        self._credit = MAX_PARTS_AHEAD
        self._is_cancelled = False
        self._changed = threading.Condition()

    @property
    def is_cancelled(self) -> bool:
        """Nobody waits for the answer any more. To be looked at between two steps of a long one;
        a reply is still allowed, and goes nowhere."""
        return self._is_cancelled

    @property
    def has_room(self) -> bool:
        """Whether `part` would send at once. Who must not wait gathers text until it would."""
        return self._credit > 0

    def part(self, message: Any) -> None:
        """Send a part of the answer; waits while `MAX_PARTS_AHEAD` of them have not been taken.

        Raises:
            CallCancelled: nobody takes any more of them.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._credit > 0 or self._is_cancelled)
            if self._is_cancelled:
                raise CallCancelled
            self._credit -= 1
        self._caller.send(self._id, False, message)

    def reply(self, message: Any) -> None:
        """Send the answer, or its last part. To be called once; what is too long to be sent becomes
        an error."""
        self._caller.forget(self._id)
        try:
            self._caller.send(self._id, True, message)
        except AuricleError as exc:
            self._caller.send(self._id, True, Failure.of(exc))

    def fail(self, exc: Exception) -> None:
        """Send an error as the answer, or instead of the rest of it."""
        self.reply(Failure.of(exc))

    def cancel(self) -> None:
        """For `Caller` only."""
        with self._changed:
            self._is_cancelled = True
            self._changed.notify_all()

    def allow(self, n_parts: int) -> None:
        """For `Caller` only."""
        with self._changed:
            self._credit += n_parts
            self._changed.notify_all()


class Caller(Generic[Request]):
    """Iterate over it for the calls, on one thread: that is also what learns of cancelled calls.
    What is done for a call there has its request id; other threads bind it themselves.

    Takes over the process's standard output: what a library prints goes to standard error instead
    of into the protocol. The process ends when its parent does or wants it to: SIGTERM, which
    service managers send to every process of a server, does not end it while requests are finished.
    """

    def __init__(self, request_type: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(tuple[int, request_type | Cancel | Credit, str])
        self._encoder = msgspec.msgpack.Encoder()
        self._lock = threading.Lock()
        self._calls: dict[int, Call[Request]] = {}
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415  # exists on Windows only

            for fd in (0, 1):
                msvcrt.setmode(fd, os.O_BINARY)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        self._in: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._out: BinaryIO = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def __iter__(self) -> Iterator[Call[Request]]:
        """Every call until the parent has gone; those without an answer are cancelled then."""
        while (body := self._read()) is not None:
            call_id, request, asked_for = self._decoder.decode(body)
            match request:
                case Cancel():
                    if (call := self._calls.pop(call_id, None)) is not None:
                        call.cancel()
                case Credit(n_parts):
                    if (call := self._calls.get(call_id)) is not None:
                        call.allow(n_parts)
                case _:
                    call = self._calls[call_id] = Call(self, call_id, request, asked_for)
                    with request_id.bound(asked_for):
                        yield call
        for call in list(self._calls.values()):
            call.cancel()

    def announce(self, message: Any) -> None:
        """Tell the parent something it did not ask for."""
        self.send(ANNOUNCED, False, message)

    def send(self, call_id: int, is_last: bool, message: Any) -> None:
        """For `Call` only. A parent that has gone is not an error: the child is about to exit."""
        body = self._encoder.encode((call_id, is_last, message))
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._out.write(header(body))
            self._out.write(body)
            self._out.flush()

    def forget(self, call_id: int) -> None:
        """For `Call` only: it is answered."""
        self._calls.pop(call_id, None)

    def _read(self) -> bytes | None:
        """The next frame's body, or None once the parent has gone."""
        start = self._in.read(LENGTH.size)
        if len(start) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack(start)
        body = self._in.read(length)
        return body if len(body) == length else None
