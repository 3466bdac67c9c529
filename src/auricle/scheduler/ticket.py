"""A window on its way through the scheduler, and what its caller waits for.

Knows nothing about queues or engines.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from auricle.engine.protocol import DecodeRow, Encoded, EncodeJob, WindowText
from auricle.errors import AuricleError
from auricle.scheduler import fallback
from auricle.scheduler.policy import Batch
from auricle.types import Language, Options, Window


@dataclass(eq=False, slots=True)
class Ticket:
    """One window. ``language`` is known once it is encoded, ``text`` once it is decoded.

    Both futures raise what went wrong: `EngineFailed` for a window no engine survives,
    `Unavailable` when there is no engine any more.
    """

    id: int
    request_id: int
    window: Window
    options: Options
    given_language: str | None
    language: asyncio.Future[Language] = field(default_factory=asyncio.Future)
    text: asyncio.Future[WindowText] = field(default_factory=asyncio.Future)
    tag: float = 0.0
    is_running: bool = False
    n_prompt_tokens: int = 0
    deaths: int = 0
    """Engines that died while they had this window in a job."""
    tried: list[WindowText] = field(default_factory=list)

    @property
    def _attempt(self) -> fallback.Attempt:
        ways = fallback.attempts(self.options.beam_size, self.options.temperature)
        return ways[min(len(self.tried), len(ways) - 1)]

    @property
    def batch(self) -> Batch:
        """What the windows it is decoded with must have in common with it."""
        return Batch(*self._attempt, self.n_prompt_tokens)

    def encode_job(self) -> EncodeJob:
        return EncodeJob(
            window_id=self.id,
            pcm=self.window.pcm.tobytes(),
            prompt=self.options.prompt,
            detect_language=self.given_language is None,
        )

    def decode_row(self) -> DecodeRow:
        return DecodeRow(
            window_id=self.id,
            start_s=self.window.start_s,
            duration_s=self.window.duration_s,
            language=self.language.result().code,
            task=self.options.task,
        )

    def take_encoded(self, answer: Encoded) -> None:
        self.n_prompt_tokens = answer.n_prompt_tokens
        if not self.language.done():  # done: the engine died after it was first encoded
            self.language.set_result(answer.language or Language(self.given_language or "en"))

    def take_text(self, text: WindowText) -> bool:
        """Keep one attempt's text; True when it settles the window, False to try another way."""
        self.tried.append(text)
        ways = fallback.attempts(self.options.beam_size, self.options.temperature)
        if fallback.is_doubtful(text) and len(self.tried) < len(ways):
            return False
        if not self.text.done():
            self.text.set_result(fallback.settle(self.tried))
        return True

    def fail(self, error: AuricleError) -> None:
        for future in (self.language, self.text):
            if not future.done():
                future.set_exception(error)
                future.exception()  # retrieved: the caller may be waiting for only one of the two
