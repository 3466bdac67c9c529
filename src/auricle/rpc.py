"""A Python module run as a child process that answers calls over its standard pipes.

Knows nothing about what the calls mean: engine and decoder bring their own message types.

A frame is a 4-byte big-endian length and that many bytes of MessagePack: ``(call_id, message)``.
Any number of calls may be outstanding; answers may come in any order. A child whose parent is
gone reads end-of-file and exits, so no child outlives the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO, Generic, TypeVar

import msgspec

from auricle import confine, errors

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Far above the largest message (30 s of PCM are 1.92 MB); a longer frame is a broken child."""

KILL_WAIT_S = 5.0
"""How long a child may take to leave after its pipe was closed before it is killed."""

LEAVE_WAIT_S = 1.0
"""How long a child that closed its own pipe may take to end."""

_LENGTH = struct.Struct(">I")

Request = TypeVar("Request")
Reply = TypeVar("Reply")


class Failure(msgspec.Struct, tag=True, frozen=True):
    """The answer to a call that raised: an error of ``errors`` by name, raised again by `call`."""

    error: str
    message: str
    param: str | None = None
    code: str | None = None

    @classmethod
    def of(cls, exc: Exception) -> Failure:
        if isinstance(exc, errors.AuricleError):
            return cls(type(exc).__name__, exc.message, exc.param, exc.code)
        return cls("AuricleError", f"{type(exc).__name__}: {exc}")

    def raised(self) -> errors.AuricleError:
        kind = errors.BY_NAME.get(self.error, errors.AuricleError)
        return kind(self.message, param=self.param, code=self.code)


class ChildDied(Exception):
    """The process ended while calls were waiting; nothing is known about their results."""


class Child(Generic[Request, Reply]):
    """The parent's end. Create with `start`; every method belongs to the event loop's thread."""

    def __init__(self, process: asyncio.subprocess.Process, reply_type: Any, name: str) -> None:
        self.name = name
        self._process = process
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(tuple[int, reply_type])
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._next_id = 0
        self._killed_because = ""
        self._write_lock = asyncio.Lock()
        self._reader = asyncio.create_task(self._read_replies(), name=f"{name} replies")

    @classmethod
    async def start(
        cls, module: str, *, reply_type: Any, name: str, env: Mapping[str, str] | None = None
    ) -> Child[Request, Reply]:
        """Spawn ``python -m module``. ``reply_type`` is the union of tagged structs it answers
        with, `Failure` included; ``env`` is added to `confine.environment`."""
        options: dict[str, Any] = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]  # Windows only
            if sys.platform == "win32"
            else {"start_new_session": True}  # Ctrl-C is for the server: it stops us in order
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=confine.environment(env),
            limit=1024 * 1024,
            **options,
        )
        return cls(process, reply_type, name)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._reader.done()

    async def call(self, request: Request) -> Reply:
        """Send one request and wait for its answer.

        Raises the child's own `errors.AuricleError`, or `ChildDied`.
        """
        if not self.alive:
            raise ChildDied(f"{self.name} is not running")
        self._next_id += 1
        call_id = self._next_id
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = answer
        try:
            await self._send(self._encoder.encode((call_id, request)))
            reply = await answer
        finally:
            self._waiting.pop(call_id, None)
        if isinstance(reply, Failure):
            raise reply.raised()
        return reply

    async def _send(self, body: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        async with self._write_lock:
            try:
                stdin.write(_LENGTH.pack(len(body)))
                stdin.write(body)
                await stdin.drain()
            except (ConnectionError, RuntimeError):  # uvloop: RuntimeError once closed
                self.kill()  # the reader then tells every waiting call how the child ended

    async def _read_replies(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        reason = "ended"
        try:
            while True:
                (length,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
                if length > MAX_FRAME_BYTES:
                    reason = f"sent a frame of {length} bytes"
                    break
                call_id, reply = self._decoder.decode(await stdout.readexactly(length))
                waiting = self._waiting.get(call_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except msgspec.DecodeError as exc:
            reason = f"sent an unreadable answer: {exc}"
        finally:
            code = await self._exit_code()
            reason = self._killed_because or reason
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(ChildDied(f"{self.name} {reason} ({_exit(code)})"))

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


class Caller(Generic[Request]):
    """The child's end: reads requests, writes answers. Reading is for one thread, `reply` for any.

    Takes over the process's standard output: what a library prints goes to standard error instead
    of into the protocol.
    """

    def __init__(self, request_type: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(tuple[int, request_type])
        self._encoder = msgspec.msgpack.Encoder()
        self._lock = threading.Lock()
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415  # exists on Windows only

            for fd in (0, 1):
                msvcrt.setmode(fd, os.O_BINARY)
        self._in: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._out: BinaryIO = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def read(self) -> tuple[int, Request] | None:
        """The next ``(call_id, request)``, or None once the parent has gone."""
        header = self._in.read(_LENGTH.size)
        if len(header) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(header)
        body = self._in.read(length)
        if len(body) < length:
            return None
        request: tuple[int, Request] = self._decoder.decode(body)
        return request

    def reply(self, call_id: int, message: Any) -> None:
        """Answer one call. A parent that has gone is not an error: the child is about to exit."""
        body = self._encoder.encode((call_id, message))
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._out.write(_LENGTH.pack(len(body)))
            self._out.write(body)
            self._out.flush()
