"""A pool of decoder processes: media files in, chunks of PCM with speech probabilities out.

Knows nothing about containers or codecs, and never touches a media file itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

from auricle.errors import Overloaded, Unavailable
from auricle.media.decoder import Decoder
from auricle.media.protocol import Open
from auricle.media.recording import Recording
from auricle.media.streaming import StreamDecoder
from auricle.settings.config import Settings
from auricle.system import resources
from auricle.telemetry.observe import NULL_OBSERVER, Observer

log = logging.getLogger(__name__)

KEPT_DECODERS = 2
"""Children that are started ahead and stay; more come and go with the load."""

GROW_AFTER_S = 0.25
"""How long recordings wait without any child coming free before one more is started. Starting one
costs as much processor time as decoding a minute of audio, so short files had better queue."""

STREAM_RETRY_S = 10.0
"""When to ask again for which no child was left: streams last for minutes."""

RESERVED_SLOTS = 2
"""Of the children allowed, so many are for recordings of less than a minute."""

MEMORY_SHARE = 0.2
"""The part of the machine's memory that children may take together; models have 0.7."""

MIB_PER_CHILD = 160
MIB_PER_HOUR = 16
"""What a child may take: 110 MiB that it starts with (half of it never touched), 50 for decoding,
and for each hour that a recording may last, the index of a video of 60 pictures a second. A mp4 of
1.5 kB can claim to have an index of a gigabyte."""

INPUTS_PER_CHILD = 100
"""After so many recordings a child is replaced, so that nothing a file left behind adds up."""


class DecoderPool:
    """Lends decoder processes to recordings. Belongs to the event loop's thread."""

    def __init__(self, settings: Settings, observer: Observer = NULL_OBSERVER) -> None:
        self._observer = observer
        self._settings = settings
        n_slots, self._memory_mib = shares(settings, resources.usable_bytes())
        self._n_kept = min(KEPT_DECODERS, n_slots)
        self._slots = asyncio.Semaphore(n_slots)
        self._stream_slots = asyncio.Semaphore(max(1, n_slots // 2))
        self._long_slots = asyncio.Semaphore(max(1, n_slots - RESERVED_SLOTS))
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
    async def open(
        self,
        path: Path,
        *,
        is_long: bool = False,
        audio_track: str | None = None,
        audio_channel: int | None = None,
        finds_speech: bool = True,
    ) -> AsyncIterator[Recording]:
        """Lend a child to one recording, until its last chunk was read or the block is left.
        ``is_long``: it will take a while, so it must leave children to others. ``audio_track`` is
        a number, from 1, or a language; None is the best track. ``audio_channel`` is one of its
        channels, from 0; None is all of them mixed. ``finds_speech``: chunks say where somebody
        speaks.

        Raises `BadMedia` when the file is not audio or breaks a limit that shows at once. What
        shows later is raised while the chunks are read.
        """
        limits = (float(self._settings.max_audio_s), float(self._settings.max_decode_cpu_s))
        request = Open(os.fsencode(path), *limits, audio_track, audio_channel, finds_speech)
        recording = Recording(request, self._take, self._give_back)
        async with self._long_slots if is_long else contextlib.nullcontext():
            try:
                await recording.open()
                yield recording
            finally:
                await recording.close()

    @contextlib.asynccontextmanager
    async def open_stream(self) -> AsyncIterator[StreamDecoder]:
        """Lend a child to one container that is decoded while it is sent, until the block is left.
        At most half of all are lent so, as each may last for hours.

        Raises:
            Overloaded: so many are lent already.
            Unavailable: the system has no room for another, or they are closed.
        """
        if self._stream_slots.locked():
            raise Overloaded(
                "As many containers are being decoded while they are sent as this server allows: "
                "half of max_decoders. Raw samples need no decoder.",
                code="rate_limit_exceeded",
                retry_after_s=STREAM_RETRY_S,
            )
        async with self._stream_slots:
            decoder = await self._take()
            request = Open(b"", 0.0, float(self._settings.max_decode_cpu_s), is_stream=True)
            try:
                async with contextlib.aclosing(StreamDecoder(decoder, request)) as stream:
                    yield stream
            finally:
                self._give_back(decoder)

    async def _take(self) -> Decoder:
        """A child that nobody else uses; waits while as many as allowed are lent. To be given
        back."""
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

    def _give_back(self, decoder: Decoder) -> None:
        """Keep the child for the next recording, or let it go."""
        self._lent.discard(decoder)
        self._slots.release()
        self._n_freed += 1
        if not decoder.usable:
            self._observer.count("decoders_lost")
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
            self._idle.put_nowait(await Decoder.start(self._memory_mib))
        finally:
            self._n_starting -= 1

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def shares(settings: Settings, memory_bytes: int | None) -> tuple[int, int]:
    """How many children there may be at one time, and what each may take, MiB, so that together
    they leave the machine's memory to others."""
    each_mib = MIB_PER_CHILD + math.ceil(MIB_PER_HOUR * settings.max_audio_s / 3600)
    if memory_bytes is None:
        return settings.max_decoders, each_mib
    n_fit = int(memory_bytes * MEMORY_SHARE) // (each_mib * 2**20)
    return max(1, min(settings.max_decoders, n_fit)), each_mib
