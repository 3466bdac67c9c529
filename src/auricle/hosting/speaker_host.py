"""The process that tells voices apart: started when somebody first wants it, replaced when it dies,
ended when nobody has used it for a while.

Knows nothing about recordings or requests. For the event loop only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

from auricle.engine.process import resident_bytes
from auricle.errors import (
    AuricleError,
    InvalidRequest,
    ModelNotFound,
    Unavailable,
    as_auricle_error,
)
from auricle.hosting.manager import RETRY_WHEN_FAILED_S, Timer, stopping, wait_for_load
from auricle.models import registry
from auricle.models.fetch import FetchOptions, obtain, on_this_machine
from auricle.models.progress import Bar, Progress
from auricle.speakers.diarization import EmbeddedStretches
from auricle.speakers.process import SpeakerProcess
from auricle.types import Pcm

NAME = registry.SPEAKERS.id

MAX_AT_ONCE = 8
"""Recordings in the process at one time: each keeps under 10 MB there. More wait their turn."""


def is_named(name: str) -> bool:
    """Whether a name means these networks, which transcribe nothing."""
    return name.strip().lower() == NAME


State = Literal["unloaded", "loading", "ready", "failed"]
Start = Callable[[Path], Awaitable[SpeakerProcess]]

_log = logging.getLogger(__name__)


class SpeakerHost:
    """At most one process. `using` starts it first; it is never ended while somebody has it."""

    def __init__(
        self,
        fetching: FetchOptions,
        progress: Progress | None = None,
        *,
        idle_unload_s: float = 0,
        start: Start = SpeakerProcess.start,
        timer: Timer | None = None,
    ) -> None:
        self.failure: AuricleError | None = None
        """Why it could not be started; the next request tries again."""
        self.n_users = 0
        self._fetching = fetching
        self._progress = progress
        self._idle_unload_s = idle_unload_s
        self._start = start
        self._timer = timer
        self._process: SpeakerProcess | None = None
        self._loading: asyncio.Task[AuricleError | None] | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._room = asyncio.Semaphore(MAX_AT_ONCE)
        self._emptying = asyncio.Lock()
        """Held by the one recording that takes all places, one after the other."""
        self._unloads: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def state(self) -> State:
        if self._loading is not None:
            return "loading"
        if self._process is not None and self._process.alive:
            return "ready"
        return "unloaded" if self.failure is None else "failed"

    @property
    def memory_bytes(self) -> int:
        """What the process takes now, where the system tells; 0 without one."""
        if self._process is None or not self._process.alive:
            return 0
        return resident_bytes(self._process.pid) or 0

    async def is_here(self) -> bool:
        """Whether the networks are on this machine."""
        return await asyncio.to_thread(self._folder_here) is not None

    @contextlib.asynccontextmanager
    async def using(
        self, wait_s: float | None = None, *, alone: bool = False
    ) -> AsyncIterator[SpeakerProcess]:
        """Have the process, kept for as long as the context lasts; wait for it to be loaded as long
        as it takes, or ``wait_s``. ``alone``: no other recording is in it meanwhile, so that what
        it may die of is this one.

        Raises:
            ModelNotFound: the networks are not on this machine, and nothing may be fetched.
            Unavailable: they could not be fetched or loaded, or it takes too long.
        """
        async with self._held(), contextlib.AsyncExitStack() as places:
            async with self._emptying if alone else contextlib.nullcontext():
                for _ in range(MAX_AT_ONCE if alone else 1):
                    await places.enter_async_context(self._room)
            yield await self._loaded(wait_s)

    async def listen(self, pcm: Pcm, wait_s: float | None = None) -> EmbeddedStretches:
        """Who speaks in a piece of live audio; it waits for no recording. Raises what `using` and
        `SpeakerProcess.listen` raise."""
        async with self._held():
            process = await self._loaded(wait_s)
            return await process.listen(pcm)

    async def load(self, wait_s: float | None = None) -> None:
        """Start the process if there is none. Raises what `using` raises."""
        async with self._held():
            await self._loaded(wait_s)

    async def unload(self) -> None:
        """End the process; fine if there is none.

        Raises:
            InvalidRequest: it is in use.
        """
        if self.n_users:
            raise InvalidRequest(
                f"The model `{NAME}` cannot be unloaded now: {self.n_users} requests use it.",
                code="model_in_use",
            )
        await self._ended()

    async def close(self) -> None:
        """End everything; nothing can be loaded any more."""
        self._is_closed = True
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait({self._loading})
        await asyncio.gather(*self._unloads, self._ended())

    @contextlib.asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        self.n_users += 1
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        try:
            yield
        finally:
            self.n_users -= 1
            self._watch_idle()

    def _watch_idle(self) -> None:
        if self._idle_unload_s and not self.n_users and self._process is not None:
            timer = self._timer or asyncio.get_running_loop().call_later
            self._idle_timer = timer(self._idle_unload_s, self._idle)

    def _idle(self) -> None:
        if not self.n_users:
            task = asyncio.create_task(self._ended(self._taken()), name=f"unload {NAME}")
            self._unloads.add(task)
            task.add_done_callback(self._unloads.discard)

    def _taken(self) -> SpeakerProcess | None:
        """The process, which from now on nobody gets."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        process, self._process, self.failure = self._process, None, None
        return process

    async def _ended(self, process: SpeakerProcess | None = None) -> None:
        process = process or self._taken()
        if process is not None:
            await process.close()
            _log.info("unloaded %s", NAME)

    async def _loaded(self, wait_s: float | None) -> SpeakerProcess:
        if self._is_closed:
            raise stopping()
        if self._process is not None and self._process.alive:
            return self._process
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name=f"load {NAME}")
            self._loading.add_done_callback(lambda _: setattr(self, "_loading", None))
        if (failure := await wait_for_load(self._loading, NAME, wait_s)) is not None:
            raise _refusal(failure)
        assert self._process is not None
        return self._process

    async def _load(self) -> AuricleError | None:
        """Fetch the networks if need be and start the process; returns why that failed, for all
        who wait."""
        try:
            old, self._process = self._process, None
            if old is not None:
                await old.close()
            folder = await asyncio.to_thread(self._find)
            self._process = await self._start(folder)
        except ModelNotFound as exc:
            return exc
        except Exception as exc:  # noqa: BLE001  # the border: those who wait are told
            self.failure = as_auricle_error(exc)
            _log.error("%s: %s", NAME, self.failure)
            return self.failure
        self.failure = None
        _log.info("loaded %s: process %d", NAME, self._process.pid)
        return None

    def _folder_here(self) -> Path | None:
        return on_this_machine(registry.SPEAKERS, self._fetching)

    def _find(self) -> Path:
        """The folder of the networks, fetched first if it may be. Blocks."""
        if self._fetching.offline and self._folder_here() is None:
            raise _missing()
        return obtain(registry.SPEAKERS, self._fetching, self._progress or Bar())


def _missing() -> ModelNotFound:
    return ModelNotFound(
        f"Speakers cannot be told apart: the model `{NAME}` is not on this machine, and nothing "
        f"may be fetched (offline). 'auricle models download {NAME}' adds it.",
        code="model_not_found",
    )


def _refusal(failure: AuricleError) -> AuricleError:
    """What each of those who waited is told; an error is raised once, so each gets its own."""
    if isinstance(failure, ModelNotFound):
        return _missing()
    return Unavailable(
        f"Speakers cannot be told apart: the model `{NAME}` could not be loaded: {failure} "
        f"'auricle models download {NAME}' fetches it.",
        code=failure.code,
        retry_after_s=RETRY_WHEN_FAILED_S,
    )
