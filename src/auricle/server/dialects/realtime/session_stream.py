"""The live stream of a session, and the task that tells a client of its effects.

Knows nothing about events: who opens a stream says what is told. A stream may be replaced, because
another model needs another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine

from auricle.errors import AuricleError, InvalidRequest
from auricle.live.stream import LiveStream
from auricle.server.dialects.realtime.configuration import Configuration
from auricle.speech_runtime import SpeechRuntime


class StreamKept(Exception):
    """Another stream could not be opened, so the one before is still followed."""

    def __init__(self, reason: AuricleError) -> None:
        super().__init__(reason.message)
        self.reason = reason


class SessionStream:
    """One stream at a time, opened for a client that is known by its key."""

    def __init__(self, runtime: SpeechRuntime, key: str) -> None:
        self._runtime, self._key = runtime, key
        self._opened = contextlib.AsyncExitStack()
        self._model = ""
        self._live: LiveStream | None = None
        self._following: asyncio.Task[None] | None = None

    @property
    def live(self) -> LiveStream:
        assert self._live is not None
        return self._live

    async def open(
        self,
        configuration: Configuration,
        finish: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Open a stream, call `finish` while the one before is still there, and leave that one.

        Raises:
            AuricleError: what `SpeechRuntime.open_live` raises; the stream before stays.
            StreamKept: the same, of what is no fault of the client's.
        """
        async with contextlib.AsyncExitStack() as opened:
            asked = self._runtime.open_live(
                configuration.live_options(),
                configuration.decode_options(self._runtime.settings),
                self._key,
                configuration.model,
            )
            try:
                live = await opened.enter_async_context(asked)
            except AuricleError as exc:
                if finish is None or isinstance(exc, InvalidRequest):
                    raise
                raise StreamKept(exc) from exc
            model = await self._model_of(configuration)
            if finish is not None:
                await finish()
            before, self._opened = self._opened, opened.pop_all()
        await before.aclose()
        self._live, self._model = live, model

    async def fits(self, configuration: Configuration) -> bool:
        """Whether the open stream is one of the model that a configuration means."""
        return await self._model_of(configuration) == self._model

    def follow(self, send_events: Callable[[LiveStream], Coroutine[None, None, None]]) -> None:
        """Have a task tell the client what becomes of the open stream."""
        self._following = asyncio.create_task(send_events(self.live), name="realtime events")

    async def finish(self) -> None:
        """Wait until all is told of what the stream received."""
        await self.live.finish()
        if self._following is not None:
            await asyncio.wait({self._following})

    async def stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def aclose(self) -> None:
        """Leave the stream, which cancels what is not read of it."""
        await self._opened.aclose()

    async def _model_of(self, configuration: Configuration) -> str:
        return (await self._runtime.status(configuration.model)).name
