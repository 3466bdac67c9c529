"""The live streams of a process, whatever their models: heard together, counted together.

Knows nothing about models' names or where they come from.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from auricle.live import transcription
from auricle.live.listener import Listener
from auricle.live.load import LiveLoad
from auricle.live.options import LiveOptions
from auricle.live.transcription import LiveTranscription, Means, Possible
from auricle.reading.model import ReadingModel
from auricle.types import DecodeOptions


class LiveService:
    """Opens streams, at most ``max_sessions``; `close` when there are no more."""

    def __init__(self, max_sessions: int) -> None:
        self._listener = Listener()
        self._load = LiveLoad(max_sessions)

    def open(
        self, model: ReadingModel, possible: Possible, live: LiveOptions, options: DecodeOptions
    ) -> AbstractAsyncContextManager[LiveTranscription]:
        """See `transcription.transcribed`."""
        means = Means(self._listener.hear, self._load, model, possible)
        return transcription.transcribed(means, live, options)

    async def close(self) -> None:
        """Hear nothing more."""
        await self._listener.close()
