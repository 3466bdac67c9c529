"""One media file being read, by one child after another if need be.

Knows nothing about how children are kept, or what is in a file.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import numpy as np

from auricle.errors import AuricleError, Unavailable
from auricle.media.decoder import Decoder
from auricle.media.limits import bad_file, cpu_limit_passed
from auricle.media.protocol import Chunk, Close, Closed, Ending, Next, Open
from auricle.rpc.child import ChildDied
from auricle.speech.source import AudioChunk
from auricle.telemetry import tracing
from auricle.types import SAMPLE_RATE, AudioTrack

MAX_DEATHS = 3
"""So many children in a row may die with a recording before its next chunk is there."""

_ENDED_FROM_OUTSIDE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "stuck", "is not running")
_LIMIT_PASSED = "SIGXCPU"
RETRY_AFTER_S = 5.0

log = logging.getLogger(__name__)


class Recording:
    """Iterate over it once. When its child dies, another reads the file again and goes on where
    that one was: nothing is given twice or lost."""

    def __init__(
        self,
        request: Open,
        take: Callable[[], Awaitable[Decoder]],
        give_back: Callable[[Decoder], None],
    ) -> None:
        self._request = request
        self._take = take
        self._give_back = give_back
        self._decoder: Decoder | None = None
        self._n_given = 0
        self._n_samples = 0
        self.declared_s: float | None = None
        """The length that the file claims for itself, once open; None when it claims none."""
        self.track: AudioTrack | None = None
        """Which audio track is read, once open."""
        self.warnings: tuple[str, ...] = ()
        """What could not be read, once the last chunk was given."""

    @property
    def duration_s(self) -> float:
        """Length of the audio read so far; of the whole recording after the last chunk."""
        return self._n_samples / SAMPLE_RATE

    async def open(self) -> None:
        """For `DecoderPool.open` only."""
        with tracing.spanning("media.open"):
            for n_deaths in itertools.count(1):
                try:
                    await self._opened()
                    return
                except ChildDied as exc:
                    await self._bury(exc, n_deaths)

    async def __aiter__(self) -> AsyncIterator[AudioChunk]:
        ending: Ending | None = None
        while ending is None:
            with tracing.spanning("media.decode"):
                chunk = await self._next()
            ending = chunk.ending
            if ending is not None:
                self.track, self.warnings = ending.track, ending.warnings
                await self.close()
            pcm = np.frombuffer(chunk.pcm, "<f4")
            self._n_samples += len(pcm)
            self._n_given += 1
            yield AudioChunk(pcm, np.frombuffer(chunk.speech, "<f4"))

    async def close(self) -> None:
        """Give the child back, if that has not happened yet. For `DecoderPool.open` only."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        try:
            if decoder.usable:
                await decoder.call(Close(), Closed)
        except (ChildDied, AuricleError):
            decoder.kill()
        finally:
            self._give_back(decoder)

    async def _next(self) -> Chunk:
        for n_deaths in itertools.count(1):
            try:
                return await (await self._opened()).call(Next(), Chunk)
            except ChildDied as exc:
                await self._bury(exc, n_deaths)
        raise AssertionError

    async def _opened(self) -> Decoder:
        """A child that has the file open, and goes on where the last one was."""
        if self._decoder is None:
            self._decoder = await self._take()
            request = msgspec.structs.replace(self._request, n_given=self._n_given)
            opened = await self._decoder.open(request)
            self.track, self.declared_s = opened.track, opened.declared_s
        return self._decoder

    async def _bury(self, death: ChildDied, n_deaths: int) -> None:
        """Let the child go; give up if it was one too many."""
        await self.close()
        if _LIMIT_PASSED in str(death):
            raise cpu_limit_passed(self._request.max_cpu_s) from death
        if n_deaths < MAX_DEATHS:
            log.warning("the %s; another reads its recording again", death)
            return
        if any(how in str(death) for how in _ENDED_FROM_OUTSIDE):
            raise Unavailable(
                f"The audio could not be decoded: {n_deaths} times the {death}. Most likely the "
                "machine has too little memory or time left.",
                code="decoder_ended",
                retry_after_s=RETRY_AFTER_S,
            ) from death
        raise bad_file(
            f"The audio could not be decoded: {n_deaths} times the {death}. Most likely the file "
            "is damaged."
        ) from death
