"""A recording to segments: windows are cut where nobody speaks, read side by side, given in order.

Knows nothing about HTTP, formats, how audio is decoded or how a window is read. The way is source,
windows, readers, segments: `Transcription._segments`, and below it each step in its turn. Streaming
is the primitive: whoever wants the whole transcript collects it (`segment_stream.collect`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from auricle.queue.admission import Admission
from auricle.queue.policy import Priority
from auricle.reading.early_text import EarlyText
from auricle.reading.ledger import Ledger
from auricle.reading.model import ReadingModel
from auricle.reading.reader import Reader, Reading
from auricle.reading.recording_language import RecordingLanguage
from auricle.reading.times import RecordingTimes
from auricle.segment_stream import EarlyWords, ReadPart
from auricle.speech.source import AudioSource
from auricle.speech.windows import WindowCutter
from auricle.telemetry import tracing
from auricle.types import AudioTrack, DecodeOptions, Language, Segment, Task, Window

SHORT_S = 60.0
"""The part of a recording that is read with the priority of a short file."""


class _WindowReading(NamedTuple):
    """A window that is read, or was."""

    window: Window
    task: asyncio.Task[Reading]
    early: EarlyText | None


@dataclass(slots=True)
class Transcription:
    """One recording being transcribed: iterate once for its segments, in order, as they complete.

    ``language`` is known when the first segment comes; it stays None for a recording without
    speech. Where it is detected on every window it is the one spoken longest, known for certain
    once iteration has ended, as ``duration_s`` is.
    """

    options: DecodeOptions
    source: AudioSource
    model: ReadingModel
    admission: Admission
    spoken: RecordingLanguage
    ledger: Ledger | None = None
    """Where readings are kept; None: nowhere."""
    times: RecordingTimes = field(default_factory=RecordingTimes)
    _context: str = ""
    _readings: deque[_WindowReading] = field(default_factory=deque)

    @property
    def task(self) -> Task:
        return self.options.task

    @property
    def language(self) -> Language | None:
        return self.spoken.known

    @property
    def duration_s(self) -> float:
        return self.source.duration_s

    @property
    def track(self) -> AudioTrack | None:
        """Which audio track is read; certain once iteration has ended."""
        return self.source.track

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be read, once iteration has ended."""
        return self.source.warnings

    @property
    def speakers(self) -> None:
        """Nobody asked."""

    async def parts(self, *, early: bool = False) -> AsyncIterator[ReadPart]:
        """Each segment is whole when it is read."""
        async for read in self._observed(early=early):
            yield read, () if isinstance(read, EarlyWords) else (read,)

    async def __aiter__(self) -> AsyncIterator[Segment]:
        async for read in self._observed(early=False):
            assert isinstance(read, Segment)
            yield read

    async def _observed(self, *, early: bool) -> AsyncIterator[Segment | EarlyWords]:
        async for read in self._segments(early=early):
            self.times.text()
            yield read
        self.times.end(self.duration_s)

    async def _segments(self, *, early: bool) -> AsyncIterator[Segment | EarlyWords]:
        """Windows begin to be read as they are cut, and are given out in order."""
        async for window in self._windows():
            self._begin(window, early=early)
            while self._readings and (self._is_far_ahead or self._readings[0].task.done()):
                async for read in self._next():
                    yield read
        while self._readings:
            async for read in self._next():
                yield read

    async def _windows(self) -> AsyncIterator[Window]:
        options = self.options
        cutter = WindowCutter(
            options.vad_threshold,
            keeps_all=not options.vad,
            by_turns=options.language_detection == "window",
        )
        async for chunk in self.source:
            for window in cutter.push(chunk.pcm, chunk.speech):
                yield window
        self.admission.expect(self.duration_s)
        for window in cutter.finish():
            yield window

    def _begin(self, window: Window, *, early: bool) -> None:
        text = EarlyText() if early else None
        task = asyncio.create_task(self._kept(window, self._reader(window), text))
        if text is not None:
            task.add_done_callback(lambda _: text.end())
        self._readings.append(_WindowReading(window, task, text))

    def _reader(self, window: Window) -> Reader:
        """What reads a window: of all, the first alone begins with the prefix."""
        options = self.options if window.index == 0 else replace(self.options, prefix=None)
        priority = Priority.SHORT if window.start_s < SHORT_S else Priority.LONG
        if self.ledger is not None:
            priority = Priority.BACKGROUND
        return Reader(self.model, self.admission, priority, options, self._context)

    async def _kept(self, window: Window, reader: Reader, early: EarlyText | None) -> Reading:
        """A window that the ledger does not have is read, and kept there."""
        known = None if self.ledger is None else self.ledger.find(window)
        if known is not None:
            return known
        at = {"index": window.index, "start_s": window.start_s, "audio_s": window.duration_s}
        with tracing.spanning("window", **at) as span:
            known = await reader.read(window, self.spoken.of_window, early)
            span.note(language=known.language.code, segments=len(known.segments))
            if self.ledger is not None:
                await self.ledger.keep(window, known)
        return known

    async def _next(self) -> AsyncIterator[Segment | EarlyWords]:
        """The segments of the next window, once it is read, and before that what is known of
        them."""
        window, task, early = self._readings[0]
        if early is not None:
            async for given in early.parts():
                yield EarlyWords(given.text, given.tokens)
        reading = await task
        self._readings.popleft()
        if self.options.previous_text:
            self._context = reading.context
        if reading.segments:
            self.spoken.note(reading.language, window.speech_s)
        for segment in reading.segments:
            yield segment

    @property
    def _is_far_ahead(self) -> bool:
        """Enough windows are being read; with the text before as context, one at a time."""
        most = 1 if self.options.previous_text else self.model.queue.windows_ahead
        return len(self._readings) >= most

    async def close(self) -> None:
        """Cancel what is being read."""
        tasks = [reading.task for reading in self._readings]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
