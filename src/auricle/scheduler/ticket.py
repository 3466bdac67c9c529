"""A window on its way through the scheduler, and what its caller waits for.

Knows nothing about queues or engines.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from auricle.engine.protocol import DecodeRow, EncodedWindow, EncodeRow, WindowText
from auricle.errors import AuricleError
from auricle.scheduler import echo, fallback
from auricle.scheduler.context import FULL_FRAMES
from auricle.scheduler.fallback import REFERENCE, Attempt, Rules
from auricle.scheduler.policy import Batch, Entry
from auricle.types import DecodeOptions, Language, Window

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Ticket:
    """One window. ``language`` is known once it is encoded, ``text`` once it is decoded.

    Both futures raise what went wrong: `EngineFailed` for a window no engine survives,
    `Unavailable` when there is no engine any more.
    """

    window: Window
    options: DecodeOptions
    given_language: str | None
    entry: Entry
    rules: Rules = REFERENCE
    language: asyncio.Future[Language] = field(default_factory=asyncio.Future)
    text: asyncio.Future[WindowText] = field(default_factory=asyncio.Future)
    is_running: bool = False
    deaths: int = 0
    """Engines that died while they had this window in a job."""
    _short_frames: int = field(init=False)
    _ways: tuple[Attempt, ...] = field(init=False)
    _way: int = 0
    _tried: list[WindowText] = field(default_factory=list)
    _n_prompt_tokens: int = 0
    _guided: WindowText | None = None
    """What was read with guidance, while it is read again without: see `scheduler.echo`."""

    def __post_init__(self) -> None:
        self._short_frames = self.entry.n_frames
        self._ways = self._attempts(is_short=self._short_frames < FULL_FRAMES)

    @property
    def id(self) -> int:
        return self.entry.window_id

    @property
    def request_id(self) -> int:
        return self.entry.request_id

    @property
    def attempt(self) -> Attempt:
        """The way of decoding that is next."""
        return self._ways[self._way]

    @property
    def is_first_attempt(self) -> bool:
        return self._way == 0 and self._guided is None

    @property
    def n_frames(self) -> int:
        """How much the encoder must see for the next attempt."""
        return FULL_FRAMES if self.attempt.is_full else self._short_frames

    @property
    def batch(self) -> Batch:
        """What the windows it is decoded with must have in common with it."""
        beam_size, temperature = self.attempt.beam_size, self.attempt.temperature
        searches = beam_size > 1 and temperature == 0
        return Batch(
            self.n_frames,
            beam_size,
            temperature,
            self._n_prompt_tokens if self._guided is None else 0,
            self.options.patience if searches else 1.0,
            self.options.suppress_tokens,
        )

    def encode_row(self) -> EncodeRow:
        return EncodeRow(
            window_id=self.id,
            pcm=self.window.pcm.tobytes(),
            prompt=self.options.prompt,
            keywords=self.options.keywords,
            prefix=self.options.prefix,
            detect_language=self.given_language is None and not self.language.done(),
            languages=self.options.languages,
        )

    def decode_row(self) -> DecodeRow:
        return DecodeRow(
            window_id=self.id,
            start_s=self.window.start_s,
            duration_s=self.window.duration_s,
            language=self.language.result().code,
            task=self.options.task,
            words=self.options.words,
            logprobs=self.options.logprobs,
            is_guided=self._guided is None,
        )

    def take_encoded(self, answer: EncodedWindow) -> None:
        self._n_prompt_tokens = answer.n_prompt_tokens
        if not self.language.done():  # done: encoded before, with less context or a lost engine
            self.language.set_result(answer.language or Language(self.given_language or "en"))

    def take_text(self, text: WindowText) -> None:
        """Keep one attempt's text. It settles the window, or `attempt` is another way to try."""
        attempt = self.attempt
        self._tried.append(text)
        heard_nobody = self.window.speech_s == 0.0
        following = None
        if fallback.is_doubtful(text, attempt, self.rules, heard_nobody=heard_nobody):
            following = fallback.next_way(self._ways, self._way, text, self.rules)
        self._log_attempt(text, is_last=following is None)
        if following is not None:
            self._way = following
            if self.attempt.is_full and not attempt.is_full:
                self._tried.clear()  # what was heard with too little context counts for nothing
        elif not self.text.done():
            best = fallback.settle(self._tried, self.rules, heard_nobody=heard_nobody)
            self._settle(best, is_full=attempt.is_full)

    def _log_attempt(self, text: WindowText, *, is_last: bool) -> None:
        """How one way of reading came out. What was said is nobody's business but the client's."""
        logger.debug(
            "request %d, %.2f to %.2f s: beam %d, temperature %g, %d frames: log-probability %.2f, "
            "compression %.2f, no speech %.2f%s",
            self.request_id,
            self.window.start_s,
            self.window.end_s,
            self.attempt.beam_size,
            self.attempt.temperature,
            self.n_frames,
            text.avg_logprob,
            text.compression_ratio,
            text.no_speech_prob,
            "" if is_last else "; read again",
        )

    def _settle(self, text: WindowText, *, is_full: bool) -> None:
        """The text of this window; or, if its guidance may have spoilt it, read it again."""
        if self._guided is not None:
            if not fallback.is_looping(self._guided, self.rules):
                text = echo.settle(self._guided, text, self.options)
            self.text.set_result(text)
        elif echo.is_suspect(text, self.options) or (
            echo.has_guidance(self.options) and fallback.is_looping(text, self.rules)
        ):
            self._guided = text
            self._tried.clear()
            self._ways, self._way = self._attempts(is_short=not is_full), 0
        else:
            self.text.set_result(text)

    def _attempts(self, *, is_short: bool) -> tuple[Attempt, ...]:
        return fallback.attempts(self.options, is_short=is_short, rules=self.rules)

    def fail(self, error: AuricleError) -> None:
        for future in (self.language, self.text):
            if not future.done():
                future.set_exception(error)
                future.exception()  # retrieved: the caller may be waiting for only one of the two
