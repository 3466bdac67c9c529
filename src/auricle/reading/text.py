"""What a window says: a decoder's tokens as segments with times, and how far to believe them.

Knows nothing about engines' calls, queues, or what is read again.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from auricle.engine.protocol import Hypothesis
from auricle.types import Segment, Token, Window
from auricle.whisper import tokens
from auricle.whisper.dimensions import FRAMES_PER_S
from auricle.whisper.vocabulary import Vocabulary


class WindowText(msgspec.Struct, frozen=True):
    """What one window says: segments with absolute times, in order.

    The quality figures are those of openai-whisper's ``DecodingResult`` for the whole window.
    """

    segments: tuple[Segment, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    resume_s: float | None = None
    """The absolute time where the text stops although the window goes on (the model ended early, or
    reached its token limit); None when the whole window was read."""
    last_timestamp_s: float | None = None
    """The absolute time of the last timestamp; None for a window without text."""
    is_truncated: bool = False
    """It reached the most tokens it may have."""
    is_loop: bool = False
    """The engine stopped where it repeated itself; the text might have gone on."""
    overruns_audio: bool = False
    """Text begins clearly behind the end of the audio: the model heard words in silence."""

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


class AttemptInfo(msgspec.Struct, frozen=True):
    """How a text was decoded, besides its tokens."""

    temperature: float
    max_new_tokens: int
    language: str
    """The one it was read in."""
    has_logprobs: bool = False
    """Whether those of its tokens are wanted of what the engine tells."""


def from_tokens(
    hypothesis: Hypothesis, window: Window, vocabulary: Vocabulary, info: AttemptInfo
) -> WindowText:
    """The text of a window; the times of its segments lie inside the window."""
    ids = hypothesis.ids
    pieces, resume_s = tokens.split(ids, vocabulary.first_timestamp, window.duration_s)
    texts = [vocabulary.decode(piece.ids).rstrip() for piece in pieces]
    logprobs = hypothesis.logprobs if info.has_logprobs else ()
    quality: dict[str, Any] = {
        "temperature": info.temperature,
        "avg_logprob": hypothesis.avg_logprob,
        "compression_ratio": compression_ratio("".join(texts)),
        "no_speech_prob": hypothesis.no_speech_prob,
    }
    segments = tuple(
        Segment(
            start_s=round(window.start_s + piece.start_s, 3),
            end_s=round(window.start_s + piece.end_s, 3),
            text=text,
            tokens=piece.ids,
            seek=round(window.start_s * FRAMES_PER_S),
            language=info.language,
            logprobs=tokens_of(piece.ids, logprobs[piece.first :], vocabulary) or None,
            **quality,
        )
        for piece, text in zip(pieces, texts, strict=True)
        if text
    )
    return WindowText(
        segments=segments,
        resume_s=None if resume_s is None else window.start_s + resume_s,
        last_timestamp_s=window.start_s + pieces[-1].end_s if pieces else None,
        is_loop=hypothesis.is_loop,
        is_truncated=len(ids) >= info.max_new_tokens,
        overruns_audio=tokens.overruns_audio(ids, vocabulary.first_timestamp, window.duration_s),
        **quality,
    )


def tokens_of(
    ids: Sequence[int], logprobs: Sequence[float], vocabulary: Vocabulary
) -> tuple[Token, ...]:
    """Those of text with their log-probabilities; none if these are not known."""
    return tuple(
        Token(i, vocabulary.decode_bytes([i]), logprob)
        for i, logprob in zip(ids, logprobs, strict=False)
        if i < vocabulary.eot
    )


def compression_ratio(text: str) -> float:
    """How much zlib shrinks the text; above 2.4 it repeats itself (openai-whisper's measure)."""
    raw = text.strip().encode("utf-8")
    return len(raw) / len(zlib.compress(raw))
