"""A Python module run as a child process that answers calls: the parent's end of its pipes.

Knows nothing about what the calls mean. A child whose parent is gone reads end-of-file and exits,
so no child outlives the server.

Why it is so: docs/decisions.md, Structure.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from auricle.errors import Unavailable
from auricle.rpc.wire import (
    ANNOUNCED,
    LENGTH,
    MAX_FRAME_BYTES,
    MAX_PARTS_AHEAD,
    Cancel,
    Credit,
    Failure,
    header,
)
from auricle.system import confine
from auricle.telemetry import request_id

KILL_WAIT_S = 5.0
"""How long a child may take to leave after its pipe was closed before it is killed."""

LEAVE_WAIT_S = 1.0
"""How long a child that closed its own pipe may take to end."""

RETRY_START_S = 5.0
"""When to try again after the system refused to start a process."""

Request = TypeVar("Request")
Reply = TypeVar("Reply")


class ChildDied(Exception):
    """The process ended while calls were waiting; nothing is known about their results."""


class _Answer(Generic[Reply]):
    """The parts that came back to one call, to be iterated over. ``taken`` is told how many were
    taken, every now and then while more are to come."""

    def __init__(self, taken: Callable[[int], None]) -> None:
        self._taken = taken
        self._n_taken = 0
        self._waiting: asyncio.Queue[Reply | Failure | ChildDied] = asyncio.Queue()
        self._is_whole = False

    @property
    def is_full(self) -> bool:
        """The child has sent as much as it may."""
        return self._waiting.qsize() >= MAX_PARTS_AHEAD

    def add(self, part: Reply | Failure | ChildDied, *, is_last: bool) -> None:
        self._is_whole = is_last
        self._waiting.put_nowait(part)

    def __aiter__(self) -> _Answer[Reply]:
        return self

    async def __anext__(self) -> Reply:
        if self._is_whole and self._waiting.empty():
            raise StopAsyncIteration
        part = await self._waiting.get()
        if isinstance(part, ChildDied):
            raise part
        if isinstance(part, Failure):
            raise part.raised()
        self._n_taken += 1
        if self._n_taken == MAX_PARTS_AHEAD // 2 and not self._is_whole:
            self._taken(self._n_taken)
            self._n_taken = 0
        return part


class Child(Generic[Request, Reply]):
    """The parent's end. Create with `start`; every method belongs to the event loop's thread."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reply_type: Any,
        name: str,
        announced: Callable[[Reply], None] | None = None,
    ) -> None:
        self.name = name
        self._process = process
        self._encoder = msgspec.msgpack.Encoder()
        shape: Any = tuple[int, bool, reply_type | Failure]
        self._decoder = msgspec.msgpack.Decoder[tuple[int, bool, Any]](shape)
        self._announced = announced
        self._ids = itertools.count(ANNOUNCED + 1)
        self._answers: dict[int, _Answer[Reply]] = {}
        self._killed_because = ""
        self._write_lock = asyncio.Lock()
        self._reader = asyncio.create_task(self._read_replies(), name=f"{name} replies")

    @classmethod
    async def start(
        cls,
        module: str,
        *,
        reply_type: Any,
        name: str,
        env: Mapping[str, str] | None = None,
        announced: Callable[[Reply], None] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child[Request, Reply]:
        """Spawn ``python -m module``. ``reply_type`` is the union of tagged structs it answers
        with; ``env`` is added to `confine.environment`; ``announced`` is told what the child says
        unasked; ``pass_fds`` are descriptors it gets, not on Windows.

        Raises:
            Unavailable: the system has no room for another process now.
        """
        options: dict[str, Any] = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]  # Windows only
            if sys.platform == "win32"
            else {
                "start_new_session": True,  # Ctrl-C is for the server: it stops us in order
                "pass_fds": pass_fds,
            }
        )
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # or a file in the user's folder could pass for one of our modules
                "-m",
                module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=confine.environment(env),
                limit=1024 * 1024,
                **options,
            )
        except (OSError, RuntimeError) as exc:  # RuntimeError: no thread to watch it with
            raise Unavailable(
                f"the {name} could not be started: {exc}",
                code="process_not_started",
                retry_after_s=RETRY_START_S,
            ) from exc
        return cls(process, reply_type, name, announced)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._reader.done()

    async def call(self, request: Request) -> Reply:
        """Send one request and wait for its answer; of one in parts, the last. Cancelling it
        cancels the call in the child.

        Raises the child's own `errors.AuricleError`, or `ChildDied`.
        """
        async with self.stream(request) as parts:
            async for part in parts:
                last = part
        return last

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncIterator[Reply]]:
        """Send one request and iterate over the parts of its answer. Leaving the block before the
        last cancels the call in the child. Raises what `call` raises."""
        if not self.alive:
            raise ChildDied(f"{self.name} is not running")
        call_id = next(self._ids)
        answer = _Answer[Reply](lambda n_parts: self._write(call_id, Credit(n_parts)))
        self._answers[call_id] = answer
        try:
            await self._send(call_id, request)
            yield answer
        finally:
            if self._answers.pop(call_id, None) is not None and self.alive:
                self._write(call_id, Cancel())

    async def _send(self, call_id: int, request: Request) -> None:
        async with self._write_lock:  # so that one frame at most waits for a child that is slow
            self._write(call_id, request)
            assert self._process.stdin is not None
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self._process.stdin.drain()

    def _write(self, call_id: int, message: Request | Cancel | Credit) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        body = self._encoder.encode((call_id, message, request_id.current()))
        start = header(body)
        try:
            stdin.write(start)
            stdin.write(body)
        except (ConnectionError, RuntimeError):  # uvloop: RuntimeError once closed
            self.kill()  # the reader then tells every waiting call how the child ended

    async def _read_replies(self) -> None:
        reason = "ended"
        try:
            reason = await self._read_until_broken()
            self.kill()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except msgspec.DecodeError as exc:
            reason = f"sent an unreadable answer: {exc}"
            self.kill()
        except Exception as exc:  # noqa: BLE001  # the border: whatever it was, nobody waits for ever
            reason = f"was given up: {exc!r}"
            self.kill()
        finally:
            code = await self._exit_code()
            how = f"{self.name} {self._killed_because or reason} ({_exit(code)})"
            for answer in self._answers.values():
                answer.add(ChildDied(how), is_last=True)
            self._answers.clear()

    async def _read_until_broken(self) -> str:
        """Hand out replies; returns what is wrong with one of them."""
        stdout = self._process.stdout
        assert stdout is not None
        while True:
            (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
            if length > MAX_FRAME_BYTES:
                return f"sent a frame of {length} bytes"
            call_id, is_last, reply = self._decoder.decode(await stdout.readexactly(length))
            answer = self._answers.get(call_id)
            if call_id == ANNOUNCED and self._announced is not None:
                self._announced(reply)
            elif answer is not None:
                if answer.is_full and not is_last:
                    return f"sent more than {MAX_PARTS_AHEAD} parts ahead"
                if is_last:
                    del self._answers[call_id]
                answer.add(reply, is_last=is_last)

    async def _exit_code(self) -> int:
        """How the child ended; one that closed its pipe and does not leave is killed."""
        try:
            return await asyncio.wait_for(self._process.wait(), LEAVE_WAIT_S)
        except TimeoutError:
            self.kill()
            return await self._process.wait()

    async def wait_closed(self) -> None:
        """Return once the process is gone and every waiting call has its answer."""
        await asyncio.shield(asyncio.wait({self._reader}))

    def kill(self, reason: str = "") -> None:
        """End the process at once; calls in flight raise `ChildDied`, which says the ``reason`` in
        words that follow the child's name."""
        if self._process.returncode is not None:
            return
        self._killed_because = self._killed_because or reason
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:  # Popen.kill would reap the child under asyncio's feet and lose its exit code
                os.kill(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Close the pipe so the child leaves by itself, and kill it if it does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        done, _ = await asyncio.wait({self._reader}, timeout=KILL_WAIT_S)
        if not done:
            self.kill()
            await self.wait_closed()


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
