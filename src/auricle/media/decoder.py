"""One decoder process, as its parent sees it.

Knows nothing about pools or recordings; `decode` does.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from auricle.config import Settings
from auricle.errors import AuricleError
from auricle.media.protocol import Chunk, Closed, Opened, Request
from auricle.rpc.child import Child, ChildDied

STUCK_AFTER_CPU_LIMITS = 4
"""A call that takes so many times the processor limit in real time, plus a minute, is stuck."""

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)

Reply = TypeVar("Reply", Opened, Chunk, Closed)


class Decoder:
    """One child process, lent to one recording at a time."""

    def __init__(
        self, child: Child[Request, Opened | Chunk | Closed], stuck_after_s: float
    ) -> None:
        self._child = child
        self._stuck_after_s = stuck_after_s
        self._in_call = False
        self.n_inputs = 0

    @classmethod
    async def start(cls, settings: Settings) -> Decoder:
        child = await Child[Request, Opened | Chunk | Closed].start(
            "auricle.media.worker",
            reply_type=Opened | Chunk | Closed,
            name="decoder",
            env=_ONE_THREAD,
        )
        return cls(child, 60 + STUCK_AFTER_CPU_LIMITS * settings.max_decode_cpu_s)

    @property
    def usable(self) -> bool:
        """Running, and not in the middle of a call that its caller gave up on."""
        return self._child.alive and not self._in_call

    @property
    def pid(self) -> int:
        return self._child.pid

    async def call(self, request: Request, reply_type: type[Reply]) -> Reply:
        """Raises `AuricleError` from the child, or `ChildDied`. When cancelled, the child is left
        unusable: nobody can tell how far it has come."""
        self._in_call = True
        try:
            async with asyncio.timeout(self._stuck_after_s):
                reply = await self._child.call(request)
        except AuricleError:
            self._in_call = False
            raise
        except TimeoutError as exc:
            raise ChildDied(f"{self._child.name} was stuck") from exc
        self._in_call = False
        assert isinstance(reply, reply_type)
        return reply

    def kill(self) -> None:
        """End the process at once; a call in progress raises `ChildDied`."""
        self._child.kill()

    async def stop(self) -> None:
        """End the process; it ends by itself when it is not in the middle of something."""
        if not self.usable:
            self._child.kill()
        await self._child.close()
