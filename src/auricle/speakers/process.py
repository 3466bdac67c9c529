"""Telling voices apart in a process of its own: the parent's side.

Knows nothing about requests or scheduling. When the process dies, what was being computed there is
lost and nothing else; whoever asked is told, and may start another.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

from auricle.rpc import loading
from auricle.rpc.child import Child, ChildDied
from auricle.rpc.watchdog import Sleep, Watchdog
from auricle.speakers.clustering import Bounds
from auricle.speakers.diarization import EmbeddedStretches, Voices
from auricle.speakers.messages import (
    MAX_FEED_S,
    Feed,
    Finish,
    Forget,
    Found,
    Listen,
    Load,
    Ping,
    SpeakersReply,
    SpeakersRequest,
    Stretches,
)
from auricle.types import SAMPLE_RATE, Pcm

LOAD_MAX_S = 60.0
"""How long reading 34 MB of weights may take, from a slow disk on a busy machine."""

_MAX_FEED = round(MAX_FEED_S * SAMPLE_RATE)
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""One thread a recording: the matrices are too small to share. What loading frees, threads use."""


class SpeakersDied(Exception):
    """The process is gone with all its recordings. The message says how it ended."""


class SpeakerProcess:
    """Tells voices apart, for any number of recordings at a time. Create with `start`."""

    def __init__(
        self, child: Child[SpeakersRequest, SpeakersReply], sleep: Sleep = asyncio.sleep
    ) -> None:
        self._child = child
        self._watchdog = Watchdog(self, sleep)
        self._ids = itertools.count(1)

    @classmethod
    async def start(cls, folder: Path, sleep: Sleep = asyncio.sleep) -> SpeakerProcess:
        """Spawn the process and load the networks of ``folder``; ``sleep`` is the watchdog's.

        Raises:
            ModelUnusable: the folder cannot be loaded, or the process died loading it.
            Unavailable: the system has no room for another process now.
        """
        child: Child[SpeakersRequest, SpeakersReply] = await Child.start(
            "auricle.speakers.worker",
            reply_type=SpeakersReply,
            name="speaker process",
            env=_ENVIRONMENT,
        )
        await loading.load(child, Load(str(folder)), folder, LOAD_MAX_S)
        return cls(child, sleep)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.alive

    @contextlib.asynccontextmanager
    async def recording(self) -> AsyncIterator[Recording]:
        """A recording to be fed; forgotten when the block is left."""
        recording = Recording(self, next(self._ids))
        try:
            yield recording
        finally:
            with contextlib.suppress(ChildDied):
                await self._child.call(Forget(recording.number))

    async def listen(self, pcm: Pcm) -> EmbeddedStretches:
        """Who speaks in a piece of audio of its own, at most 60 s. Raises SpeakersDied."""
        reply = await self.run(Listen(_packed(pcm)), "listen", len(pcm))
        assert isinstance(reply, Stretches)
        return reply.stretches

    async def run(self, request: SpeakersRequest, kind: str, size: int) -> SpeakersReply:
        """For `Recording`: one request under the eyes of the watchdog. Raises SpeakersDied."""
        with self._watchdog.job(kind, max(size, SAMPLE_RATE)):
            try:
                return await self._child.call(request)
            except ChildDied as exc:
                raise SpeakersDied(str(exc)) from exc

    async def ping(self) -> None:
        """Return once the process has shown that it runs, or has ended. For its watchdog."""
        with contextlib.suppress(ChildDied):
            await self._child.call(Ping())

    def kill(self, reason: str) -> None:
        """End the process at once; what it computes raises `SpeakersDied`. For its watchdog."""
        self._child.kill(reason)

    async def close(self) -> None:
        await self._child.close()


class Recording:
    """One recording in the process. Its methods are to be awaited one after the other."""

    def __init__(self, process: SpeakerProcess, number: int) -> None:
        self._process = process
        self.number = number
        self._n_samples = 0

    async def feed(self, pcm: Pcm) -> None:
        """The next samples; returns when they have been taken in, so nothing piles up.

        Raises SpeakersDied.
        """
        for first in range(0, len(pcm), _MAX_FEED):
            part = pcm[first : first + _MAX_FEED]
            self._n_samples += len(part)
            await self._process.run(Feed(self.number, _packed(part)), "feed", len(part))

    async def finish(self, bounds: Bounds | None = None) -> Voices:
        """Who spoke when, with as many voices as ``bounds`` allow. Raises SpeakersDied."""
        bounds = bounds or Bounds()
        request = Finish(self.number, bounds.at_least, bounds.at_most)
        reply = await self._process.run(request, "finish", self._n_samples)
        assert isinstance(reply, Found)
        return reply.voices


def _packed(pcm: Pcm) -> bytes:
    return pcm.astype("<f4", copy=False).tobytes()
