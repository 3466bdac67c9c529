"""Reads windows: from audio to final segments, in one coroutine for each.

Knows nothing about files, formats or the order in which jobs run. The rules it follows are pure
functions: `prompt_echo`, `coverage`, `order`, and `fallback` for one attempt after another.

Why it is so: docs/decisions.md, Decoding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from auricle.queue.admission import Admission
from auricle.queue.policy import Priority
from auricle.reading import continuation, coverage, fallback, order, prompt_echo
from auricle.reading.early_text import EarlyText, Given
from auricle.reading.encoded import EncodedWindow, opened
from auricle.reading.model import ReadingModel
from auricle.reading.text import WindowText
from auricle.reading.window_decoder import WindowDecoder
from auricle.telemetry import tracing
from auricle.types import DecodeOptions, Language, Segment, Window
from auricle.whisper import prompting

MAX_CONTEXT_CHARS = 2000
"""What is kept of the text before as context: more than the 223 tokens that count."""

MAX_CONTEXT_TEMPERATURE = 0.5
"""A text read with more chance than that is no context for the next, as in openai-whisper."""

_NOTHING = Given()

LanguageOf: TypeAlias = Callable[[Callable[[], Awaitable[Language]]], Awaitable[Language]]
"""The language to read a window in. Given is what detects the one that is spoken in it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one window: segments in order, with absolute times."""

    segments: tuple[Segment, ...]
    language: Language
    context: str
    """The text so far, for what is read next; empty where it may well be wrong."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads windows of one request. Cancelling a reading takes its jobs out of the queue, and out
    of the engine."""

    model: ReadingModel
    admission: Admission
    priority: Priority
    options: DecodeOptions
    context: str = ""
    """The text before, if the model is to be told."""

    async def read(
        self, window: Window, language_of: LanguageOf, early: EarlyText | None = None
    ) -> Reading:
        """Everything that is said in a window, of which ``early`` may give out words before the
        rest is known.

        Raises:
            EngineFailed: no engine survives this window.
            Unavailable: there is no engine now.
        """
        with self._opened(window) as encoded:
            language = await language_of(lambda: self._detect_language(encoded))
            text = await self._text(encoded, language, early)
        given = Given() if early is None else early.given
        segments, context = await self._completed(window, text, language, given)
        return Reading(tuple(segments), language, context)

    async def read_once(self, window: Window, language_of: LanguageOf) -> Reading:
        """What is said in a window as far as one attempt tells: nothing is read again, whatever it
        is like. Raises what `read` raises."""
        with self._opened(window) as encoded:
            language = await language_of(lambda: self._detect_language(encoded))
            text = await (await self._decoding(encoded, language)).first()
        return Reading(text.segments, language, self._context_after(text))

    async def _completed(
        self, window: Window, text: WindowText, language: Language, given: Given = _NOTHING
    ) -> tuple[list[Segment], str]:
        """The segments of a window, and its text as context: as it was read; or, if it loops or
        speech is missing in it, of halves, unless words were ``given`` out."""
        is_loop = bool(text.segments) and fallback.is_looping(text, self.model.thresholds)
        divided = coverage.loop_halves(window) if is_loop else coverage.halves(window, text)
        halves = () if self.options.prefix or given.text else divided
        texts = await _all(self._read_part(half, language, "half") for half in halves)
        if not halves or not (is_loop or coverage.have_more_words(texts, text)):
            return await self._with_tail(window, text, language, given)
        segments: list[Segment] = []
        reader = self
        for half, half_text in zip(halves, texts, strict=True):
            more, context = await reader._completed(half, half_text, language)
            segments += more
            reader = replace(self, context=context)
        return segments, reader.context

    async def _with_tail(
        self, window: Window, text: WindowText, language: Language, given: Given = _NOTHING
    ) -> tuple[list[Segment], str]:
        """The segments of a text, of which ``given`` was given out, then those of the rest of the
        window that it leaves unread."""
        context = self._context_after(text)
        segments = [coverage.fitted(segment, window) for segment in text.segments]
        tail = coverage.uncovered_tail(window, text)
        if tail is None:
            return segments, context
        segments = order.before(segments, window.start_s, tail.start_s)
        reader = replace(self, options=replace(self.options, prefix=None), context=context)
        rest = given.behind(text.segments, self.model.vocabulary.first_timestamp)
        tail_text = await reader._read_part(tail, language, "tail", rest)
        more, context = await reader._completed(tail, tail_text, language, rest)
        return segments + more, context

    async def _read_part(
        self, window: Window, language: Language, which: str, given: Given = _NOTHING
    ) -> WindowText:
        """The text of a part of a window, as of a window of its own."""
        self.model.observer.count("windows_read_again", why=which)
        again = tracing.spanning("window.part", why=which, audio_s=window.duration_s)
        with again, self._opened(window) as encoded:
            return await self._text(encoded, language, EarlyText(given) if given.text else None)

    async def _text(
        self, encoded: EncodedWindow, language: Language, early: EarlyText | None
    ) -> WindowText:
        """The text of a window. One that may only repeat what the model was told is read again
        without that, and one of the two is believed; both begin with what was given out."""
        options = self._prompted
        prompted = await self._decoding(encoded, language)
        has_prompt = prompt_echo.has_prompt(options)
        if not self.options.prefix:
            divides = self.options.temperature == 0 and bool(coverage.loop_halves(encoded.window))
            prompted = replace(prompted, early=early, divides=divides)
        text = await prompted.best()
        is_loop = has_prompt and fallback.is_looping(text, self.model.thresholds)
        if not is_loop and not prompt_echo.is_suspect(text, options):
            return await _in_full(prompted, text)
        self.model.observer.count("windows_read_again", why="prompt")
        unprompted = prompted.without_prompt()
        plain = await unprompted.best()
        believed = plain if is_loop else prompt_echo.choose(text, plain, options)
        return await _in_full(prompted if believed is text else unprompted, believed)

    def _opened(self, window: Window) -> AbstractContextManager[EncodedWindow]:
        return opened(self.model.queue, self.admission, window, self.priority)

    async def _detect_language(self, encoded: EncodedWindow) -> Language:
        await encoded.encode(self.model.n_frames(encoded.window, self.options))
        return await encoded.detect_language(self.model.vocabulary, self.options.languages)

    async def _decoding(self, encoded: EncodedWindow, language: Language) -> WindowDecoder:
        """How a window is decoded, with all that the model is told."""
        vocabulary, options = self.model.vocabulary, self._prompted
        if prompt_echo.has_prompt(options):  # up to ten milliseconds, not for the event loop
            prompt = await asyncio.to_thread(prompting.prompt, vocabulary, options, language.code)
        else:
            prompt = prompting.prompt(vocabulary, options, language.code)
        return WindowDecoder(self.model, options, language.code, encoded, prompt)

    @property
    def _prompted(self) -> DecodeOptions:
        """The options with the text before in their prompt."""
        if not self.context:
            return self.options
        return replace(self.options, prompt=f"{self.options.prompt or ''}{self.context}")

    def _context_after(self, text: WindowText) -> str:
        if text.temperature > MAX_CONTEXT_TEMPERATURE:
            return ""
        return (self.context + text.text)[-MAX_CONTEXT_CHARS:]


async def _in_full(decoder: WindowDecoder, text: WindowText) -> WindowText:
    """A text with what the model leaves out at its end, and all details that are asked for."""
    return await decoder.with_details(await continuation.read_on(decoder, text))


async def _all(readings: Iterable[Coroutine[Any, Any, WindowText]]) -> list[WindowText]:
    """What is read side by side; if any fails, the first failure, when all have ended."""
    texts: list[WindowText] = []
    for ended in await asyncio.gather(*readings, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
        texts.append(ended)
    return texts
