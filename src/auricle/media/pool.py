"""A pool of decoder processes: media files in, chunks of PCM with speech probabilities out.

Knows nothing about containers or codecs, and never touches a media file itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.config import Settings
from auricle.errors import AuricleError, Unavailable
from auricle.media.decoder import Decoder
from auricle.media.limits import cpu_limit_passed
from auricle.media.protocol import Chunk, Close, Closed, Next, Open, Opened
from auricle.rpc.child import ChildDied
from auricle.types import SAMPLE_RATE, Pcm

log = logging.getLogger(__name__)

KEPT_DECODERS = 2
"""Children that are started ahead and stay; more come and go with the load."""

GROW_AFTER_S = 0.25
"""How long recordings wait without any child coming free before one more is started. Starting one
costs as much processor time as decoding a minute of audio, so short files had better queue."""

RESERVED_SLOTS = 2
"""Of the children allowed, so many are for recordings of less than a minute."""

INPUTS_PER_CHILD = 100
"""After so many recordings a child is replaced, so that nothing a file left behind adds up."""


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """At most 30 s of a recording; chunks follow each other without gap."""

    pcm: Pcm
    speech: NDArray[np.float32]
    """``(ceil(n_samples / 512),)``: probability of speech in each 32 ms."""


class DecoderPool:
    """Lends decoder processes to recordings. Belongs to the event loop's thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._n_kept = min(KEPT_DECODERS, settings.max_decoders)
        self._slots = asyncio.Semaphore(settings.max_decoders)
        self._long_slots = asyncio.Semaphore(max(1, settings.max_decoders - RESERVED_SLOTS))
        self._idle: asyncio.LifoQueue[Decoder | Exception] = asyncio.LifoQueue()
        self._lent: set[Decoder] = set()
        self._n_starting = 0
        self._n_waiting = 0
        self._n_freed = 0
        self._is_growing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def start(self) -> None:
        """Start the children that stay, as far as the system lets: recordings start theirs."""
        await asyncio.gather(*(self._replace() for _ in range(self._n_kept)))

    async def close(self) -> None:
        """End every child. A recording that is still open fails."""
        self._is_closed = True
        for decoder in self._lent:
            decoder.kill()
        while self._tasks:
            await asyncio.wait(self._tasks)
        while not self._idle.empty():
            idle = self._idle.get_nowait()
            if isinstance(idle, Decoder):
                await idle.stop()
        for _ in range(self._n_waiting):
            self._idle.put_nowait(Unavailable("The server is shutting down."))

    @contextlib.asynccontextmanager
    async def open(self, path: Path, *, is_long: bool = False) -> AsyncIterator[Recording]:
        """Lend a child to one recording, until its last chunk was read or the block is left.
        ``is_long``: it will take a while, so it must leave children to others.

        Raises `BadMedia` when the file is not audio or breaks a limit that shows at once. What
        shows later is raised while the chunks are read.
        """
        limits = (float(self._settings.max_audio_s), float(self._settings.max_decode_cpu_s))
        recording = Recording(self, Open(os.fsencode(path), *limits))
        async with self._long_slots if is_long else contextlib.nullcontext():
            try:
                await recording.open()
                yield recording
            finally:
                await recording.close()

    async def take(self) -> Decoder:
        """A child that nobody else uses; waits while as many as allowed are lent. To be given
        back. For `Recording` only."""
        await self._slots.acquire()
        try:
            decoder = await self._fit()
        except BaseException:
            self._slots.release()
            raise
        decoder.n_inputs += 1
        self._lent.add(decoder)
        return decoder

    async def _fit(self) -> Decoder:
        """The next child to come free, or a new one when none does."""
        while True:
            if self._is_closed:
                raise Unavailable("The server is shutting down.")
            decoder = await self._next_idle()
            if isinstance(decoder, Exception):
                raise decoder
            if decoder.usable:
                return decoder
            self._retire(decoder)

    def give_back(self, decoder: Decoder) -> None:
        """Keep the child for the next recording, or let it go. For `Recording` only."""
        self._lent.discard(decoder)
        self._slots.release()
        self._n_freed += 1
        is_wanted = self._n_waiting > 0 or self._idle.qsize() + self._n_starting < self._n_kept
        is_fit = decoder.usable and decoder.n_inputs < INPUTS_PER_CHILD
        if is_fit and is_wanted and not self._is_closed:
            self._idle.put_nowait(decoder)
        else:
            self._retire(decoder)

    async def _next_idle(self) -> Decoder | Exception:
        while not self._idle.empty():
            idle = self._idle.get_nowait()
            if isinstance(idle, Decoder):  # else it was for somebody who has left
                return idle
        self._n_waiting += 1
        if not self._is_growing:
            self._is_growing = True
            self._own(self._grow())
        try:
            return await self._idle.get()
        finally:
            self._n_waiting -= 1

    async def _grow(self) -> None:
        """While recordings wait and no child comes free, start one after the other."""
        try:
            while self._n_waiting > 0 and not self._is_closed:
                n_freed = self._n_freed
                await asyncio.sleep(GROW_AFTER_S)
                if self._n_waiting > 0 and self._n_freed == n_freed:
                    await self._replace()
        finally:
            self._is_growing = False

    def _retire(self, decoder: Decoder) -> None:
        """Stop a child, and start another if that leaves fewer than are meant to stay."""
        self._own(decoder.stop())
        n_left = self._idle.qsize() + len(self._lent) + self._n_starting
        if n_left < self._n_kept and not self._is_closed:
            self._own(self._replace())

    async def _replace(self) -> None:
        try:
            await self._add_idle()
        except Unavailable as exc:
            log.warning("%s", exc)
            if self._n_waiting > 0:  # else the next recording tries again
                self._idle.put_nowait(exc)

    async def _add_idle(self) -> None:
        self._n_starting += 1
        try:
            self._idle.put_nowait(await Decoder.start(self._settings))
        finally:
            self._n_starting -= 1

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Recording:
    """One media file being read. Iterate over it once; made by `DecoderPool.open`."""

    def __init__(self, pool: DecoderPool, request: Open) -> None:
        self._pool = pool
        self._request = request
        self._decoder: Decoder | None = None
        self._n_samples = 0
        self._is_second_try = False
        self.declared_s: float | None = None
        """The length that the file claims for itself, once open; None when it claims none."""

    @property
    def duration_s(self) -> float:
        """Length of the audio read so far; of the whole recording after the last chunk."""
        return self._n_samples / SAMPLE_RATE

    async def open(self) -> None:
        """For `DecoderPool.open` only."""
        try:
            await self._begin()
        except ChildDied as exc:
            await self._begin_again(exc)

    async def __aiter__(self) -> AsyncIterator[AudioChunk]:
        is_last = False
        while not is_last:
            chunk = await self._next()
            is_last = chunk.is_last
            if is_last:
                await self.close()
            pcm = np.frombuffer(chunk.pcm, "<f4")
            self._n_samples += len(pcm)
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
            self._pool.give_back(decoder)

    async def _next(self) -> Chunk:
        assert self._decoder is not None, "the recording is closed"
        try:
            return await self._decoder.call(Next(), Chunk)
        except ChildDied as exc:
            await self._begin_again(exc)
        try:
            return await self._decoder.call(Next(), Chunk)
        except ChildDied as exc:
            raise self._failed(exc) from exc

    async def _begin(self) -> None:
        self._decoder = await self._pool.take()
        self.declared_s = (await self._decoder.call(self._request, Opened)).declared_s

    async def _begin_again(self, death: ChildDied) -> None:
        """One more try, if nothing was handed out yet: the child may have died of something else
        than this file."""
        if self._is_second_try or self._n_samples or _died_of_cpu_limit(death):
            raise self._failed(death) from death
        self._is_second_try = True
        await self.close()
        try:
            await self._begin()
        except ChildDied as exc:
            raise self._failed(exc) from exc

    def _failed(self, death: ChildDied) -> AuricleError:
        if _died_of_cpu_limit(death):
            return cpu_limit_passed(self._request.max_cpu_s)
        return AuricleError(f"The audio could not be decoded: the {death}.")


def _died_of_cpu_limit(death: ChildDied) -> bool:
    return "SIGXCPU" in str(death)
