"""The live streams of a process, whatever their models: heard together, counted together.

Knows nothing about models' names or where they come from.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auricle.live import transcription
from auricle.live.backend import LiveBackend, Possible
from auricle.live.batched_vad import BatchedVad
from auricle.live.end_of_turn import EndOfTurnHost
from auricle.live.load import LiveLoad
from auricle.live.options import LiveOptions
from auricle.live.transcription import LiveTranscription
from auricle.reading.model import ReadingModel
from auricle.types import DecodeOptions


class LiveService:
    """Opens streams, at most ``max_sessions``; `close` when there are no more."""

    def __init__(self, max_sessions: int, end_of_turn: EndOfTurnHost) -> None:
        self._vad = BatchedVad()
        self._load = LiveLoad(max_sessions)
        self._end_of_turn = end_of_turn

    @property
    def n_streams(self) -> int:
        """Streams that are open."""
        return len(self._load)

    @property
    def lag_s(self) -> float:
        """See `LiveLoad.lag_s`."""
        return self._load.lag_s

    @asynccontextmanager
    async def open(
        self,
        model: ReadingModel,
        possible: Possible,
        live: LiveOptions,
        options: DecodeOptions,
        key: str = "",
    ) -> AsyncIterator[LiveTranscription]:
        """See `transcription.transcribed`."""
        await self._end_of_turn.locate()
        backend = LiveBackend(
            self._vad.probabilities, self._load, model, possible, self._end_of_turn
        )
        async with transcription.transcribed(backend, live, options, key) as stream:
            yield stream

    async def close(self) -> None:
        """Take nothing more."""
        await self._vad.close()
        await self._end_of_turn.close()
