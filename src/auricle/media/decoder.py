"""One decoder process, as its parent sees it.

Knows nothing about pools or recordings; `pool` and `recording` do.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys
from typing import TypeVar

from auricle.errors import AuricleError, Unavailable
from auricle.media.protocol import (
    FILES_FD,
    MEMORY_MIB,
    Chunk,
    Closed,
    Open,
    Opened,
    Reply,
    Request,
)
from auricle.rpc.child import Child, ChildDied

STUCK_AFTER_S = 20.0
"""So long without an answer or a sign of life, a child is stuck: it gives one every second."""

BUSY_RETRY_S = 2.0
"""When to ask again for whom no file could be opened: recordings end all the time."""

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)

Answer = TypeVar("Answer", Opened, Chunk, Closed)


class Decoder:
    """One child process, lent to one recording at a time. Create with `start`."""

    def __init__(self) -> None:
        self._child: Child[Request, Reply]
        self._files: socket.socket | None = None
        self._patience: asyncio.Timeout | None = None
        self._in_call = False
        self.n_inputs = 0
        self.stuck_after_s = STUCK_AFTER_S

    @classmethod
    async def start(cls, memory_mib: int) -> Decoder:
        """Raises `Unavailable` when the system has no room for another process."""
        decoder = cls()
        own = {**_ONE_THREAD, MEMORY_MIB: str(memory_mib)}
        theirs: socket.socket | None = None
        if sys.platform != "win32":
            decoder._files, theirs = socket.socketpair()
            own[FILES_FD] = str(theirs.fileno())
        try:
            decoder._child = await Child[Request, Reply].start(
                "auricle.media.worker",
                reply_type=Reply,
                name="decoder",
                env=own,
                announced=lambda _: decoder._note_life(),
                pass_fds=() if theirs is None else (theirs.fileno(),),
            )
        except BaseException:
            decoder._close_files()
            raise
        finally:
            if theirs is not None:
                theirs.close()
        return decoder

    @property
    def usable(self) -> bool:
        """Running, and not in the middle of a call that its caller gave up on."""
        return self._child.alive and not self._in_call

    @property
    def pid(self) -> int:
        return self._child.pid

    async def open(self, request: Open) -> Opened:
        """Raises what `call` raises, or `AuricleError` when the file cannot be opened."""
        if self._files is not None:
            _send_file(self._files, request.path)
        return await self.call(request, Opened)

    async def open_stream(self, request: Open, descriptor: int) -> Opened:
        """As `open`, for what comes through a pipe; its descriptor stays the caller's.

        Raises:
            Unavailable: this system cannot hand a pipe to another process.
        """
        if self._files is None:
            raise Unavailable("Containers cannot be decoded here while they are sent.")
        _send_descriptor(self._files, descriptor)
        return await self.call(request, Opened)

    async def call(self, request: Request, answer_type: type[Answer]) -> Answer:
        """Raises `AuricleError` from the child, or `ChildDied`. When cancelled, the child is left
        unusable: nobody can tell how far it has come."""
        self._in_call = True
        try:
            async with asyncio.timeout(self.stuck_after_s) as self._patience:
                answer = await self._child.call(request)
        except AuricleError:
            self._in_call = False
            raise
        except TimeoutError as exc:
            self._child.kill("was stuck")
            raise ChildDied("decoder was stuck") from exc
        finally:
            self._patience = None
        self._in_call = False
        assert isinstance(answer, answer_type)
        return answer

    def kill(self) -> None:
        """End the process at once; a call in progress raises `ChildDied`."""
        self._child.kill()

    async def stop(self) -> None:
        """End the process; it ends by itself when it is not in the middle of something."""
        if not self.usable:
            self._child.kill()
        await self._child.close()
        self._close_files()

    def _note_life(self) -> None:
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time() + self.stuck_after_s)

    def _close_files(self) -> None:
        if self._files is not None:
            self._files.close()


def _send_file(files: socket.socket, path: bytes) -> None:
    """Hand the child an open file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        if exc.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise Unavailable(
                "The server has too many files open to read the recording; try again in a moment.",
                code="server_busy",
                retry_after_s=BUSY_RETRY_S,
            ) from exc
        raise AuricleError(f"The recording cannot be opened: {exc.strerror}.") from exc
    try:
        _send_descriptor(files, descriptor)
    finally:
        os.close(descriptor)


def _send_descriptor(files: socket.socket, descriptor: int) -> None:
    """To a child that has died as well: the call that follows tells how."""
    with contextlib.suppress(ConnectionError):
        socket.send_fds(files, [b"f"], [descriptor])
