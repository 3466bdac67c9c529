"""A recording to segments: decode, find speech, cut windows, queue them, yield text in order.

Knows nothing about HTTP, formats or how the queue is served. Streaming is the primitive: whoever
wants the whole transcript collects it (`collect`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from auricle.engine.protocol import WindowText
from auricle.media.pool import DecoderPool
from auricle.media.recording import Recording
from auricle.scheduler import evidence, order
from auricle.scheduler.policy import Priority
from auricle.scheduler.request import Admission
from auricle.scheduler.scheduler import Scheduler
from auricle.scheduler.ticket import Ticket
from auricle.speech.windows import WindowCutter
from auricle.types import AudioTrack, DecodeOptions, Language, Segment, Task, Transcript, Window

BYTES_PER_S = 16_000
"""What a second of audio is taken to have, in bytes, until its file was opened: 128 kbit/s, between
speech codecs and PCM."""


SHORT_S = 60.0
"""The part of a recording that is read with the priority of a short file."""

MAX_CARRIED_CHARS = 2000
"""What is kept of the text before, for ``previous_text``: more than the 223 tokens that count."""

MAX_CARRIED_TEMPERATURE = 0.5
"""A text read with more chance than that is no context for the next, as in openai-whisper."""


@dataclass(slots=True)
class Transcription:
    """One recording being transcribed: iterate once for its segments, in order, as they complete.

    ``language`` is known when the first segment comes; it stays None for a recording without
    speech. Where it is detected on every window it is the one spoken longest, known for certain
    once iteration has ended, as ``duration_s`` is.
    """

    options: DecodeOptions
    language: Language | None = None
    _recording: Recording = field(kw_only=True)
    _admission: Admission = field(kw_only=True)
    _is_begun: bool = False
    """A window was submitted: the prefix is for the first alone."""
    _carried: str = ""
    """The text before, as context for the next window."""
    _spoken_s: dict[Language, float] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        return self.options.task

    @property
    def duration_s(self) -> float:
        return self._recording.duration_s

    @property
    def track(self) -> AudioTrack | None:
        """Which audio track is read; certain once iteration has ended."""
        return self._recording.track

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be read, once iteration has ended."""
        return self._recording.warnings

    async def __aiter__(self) -> AsyncIterator[Segment]:
        pending: deque[Ticket] = deque()
        async for window in self._windows():
            pending.append(await self._submit(window))
            ahead = 1 if self.options.previous_text else self._admission.windows_ahead
            while pending and (len(pending) >= ahead or pending[0].text.done()):
                async for segment in self._segments(pending.popleft()):
                    yield segment
        while pending:
            async for segment in self._segments(pending.popleft()):
                yield segment

    async def _windows(self) -> AsyncIterator[Window]:
        options = self.options
        cutter = WindowCutter(
            options.vad_threshold,
            keeps_all=not options.vad,
            by_turns=options.language_detection == "window",
        )
        async for chunk in self._recording:
            for window in cutter.push(chunk.pcm, chunk.speech):
                yield window
        self._admission.expect(self.duration_s)
        for window in cutter.finish():
            yield window

    async def _submit(
        self, window: Window, language: str | None = None, before: str = ""
    ) -> Ticket:
        """Queue a window; the first one's language is awaited, because the others follow it, unless
        each is detected on its own. ``before`` is what was said up to it, if the model is told."""
        follows = self.options.language_detection == "once"
        if language is None:
            language = self.language.code if self.language and follows else self.options.language
        priority = Priority.SHORT if window.start_s < SHORT_S else Priority.LONG
        ticket = self._admission.submit(window, self._guided(before), language, priority)
        if self.language is None and follows:
            self.language = await ticket.language
        return ticket

    def _guided(self, before: str) -> DecodeOptions:
        """The options with what the next window is told."""
        options = self.options
        if self._is_begun and options.prefix:
            options = replace(options, prefix=None)
        before = self._carried or before
        if before:
            options = replace(options, prompt=f"{options.prompt or ''}{before}")
        self._is_begun = True
        return options

    async def _segments(self, ticket: Ticket) -> AsyncIterator[Segment]:
        """A window's segments, once it is read."""
        text = await ticket.text
        if self.options.language_detection == "window" and text.segments:
            self._note_language(ticket.language.result(), ticket.window.speech_s)
        for part in await self._parts(ticket):
            async for segment in self._read(part):
                yield segment

    async def _parts(self, ticket: Ticket) -> list[Ticket]:
        """The window as it was read; or, if speech is missing in its text, parts that have it."""
        text = await ticket.text
        halves = evidence.halves(ticket.window, text)
        if not halves or ticket.options.prefix:
            return [ticket]
        language = ticket.language.result().code
        tickets = [await self._submit(half, language) for half in halves]
        if not evidence.say_more([await half.text for half in tickets], text):
            return [ticket]
        return [part for half in tickets for part in await self._parts(half)]

    async def _read(self, ticket: Ticket) -> AsyncIterator[Segment]:
        """The segments of a window, then those of the rest the model left unread, if any."""
        text = await ticket.text
        language = ticket.language.result()
        before = ""
        while True:
            self._carry(text)
            segments = [evidence.fitted(segment, ticket.window) for segment in text.segments]
            rest = evidence.unread(ticket.window, text)
            if rest is not None:
                segments = order.before(segments, ticket.window.start_s, rest.start_s)
            for segment in segments:
                yield segment
            if rest is None:
                return
            if text.temperature <= MAX_CARRIED_TEMPERATURE:  # else it may well be wrong
                before += "".join(segment.text for segment in text.segments)
            ticket = await self._submit(rest, language.code, before)
            text = await ticket.text

    def _carry(self, text: WindowText) -> None:
        """Keep a window's text for the next, where that is wanted and it can be trusted."""
        if not self.options.previous_text:
            return
        if text.temperature > MAX_CARRIED_TEMPERATURE:
            self._carried = ""
        else:
            said = "".join(segment.text for segment in text.segments)
            self._carried = (self._carried + said)[-MAX_CARRIED_CHARS:]

    def _note_language(self, language: Language, speech_s: float) -> None:
        """Another window was heard in ``language``; the one heard longest is the recording's, with
        the probability it was first detected with."""
        known = next((each for each in self._spoken_s if each.code == language.code), language)
        self._spoken_s[known] = self._spoken_s.get(known, 0.0) + speech_s
        self.language = max(self._spoken_s, key=lambda each: self._spoken_s[each])


@dataclass(frozen=True, slots=True)
class Transcriber:
    """Transcribes recordings with one pool of decoders and one model's queue."""

    decoders: DecoderPool
    scheduler: Scheduler

    @asynccontextmanager
    async def open(
        self, path: Path, options: DecodeOptions, key: str = ""
    ) -> AsyncIterator[Transcription]:
        """Admit a file and open it; leaving the context early cancels what is queued. ``key`` is
        whose file it is, for the limit per client.

        Raises:
            Overloaded: too much work is waiting, of everybody or of this client.
            BadMedia: the file is not audio, or over a limit; also while iterating.
        """
        guessed_s = _guessed_s(path)
        is_long = guessed_s > SHORT_S
        with self.scheduler.admit(key, guessed_s) as admission:
            opened = self.decoders.open(path, is_long=is_long, audio_track=options.audio_track)
            async with opened as recording:
                if recording.declared_s is not None:
                    admission.expect(recording.declared_s)
                yield Transcription(options, _recording=recording, _admission=admission)


async def collect(transcription: Transcription) -> Transcript:
    """The whole transcript, once its last segment is there."""
    return transcript_of(transcription, [segment async for segment in transcription])


def transcript_of(transcription: Transcription, segments: Sequence[Segment]) -> Transcript:
    """All that is known once iteration has ended, with the segments it gave."""
    return Transcript(
        transcription.task,
        transcription.language,
        transcription.duration_s,
        tuple(segments),
        transcription.track,
        transcription.warnings,
    )


def _guessed_s(path: Path) -> float:
    """How long a recording is, before anybody has looked into it."""
    return path.stat().st_size / BYTES_PER_S
