"""When a window's text is not to be believed, and what to try next.

Knows nothing about engines: quality figures in, a decision out. Thresholds and ladder are those
of openai-whisper's ``transcribe``; a beam that fails is first tried greedily, because beam search
prefers loops and greedy decoding often leaves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from auricle.engine.protocol import WindowText

MAX_COMPRESSION_RATIO = 2.4
MIN_AVG_LOGPROB = -1.0
MIN_NO_SPEECH_PROB = 0.6

LADDER = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Attempt(NamedTuple):
    """One way of decoding a window."""

    beam_size: int
    temperature: float


def attempts(beam_size: int, temperature: float) -> tuple[Attempt, ...]:
    """The ways to try in turn; a temperature that was asked for is the only one."""
    if temperature > 0:
        return (Attempt(1, temperature),)
    first = (Attempt(beam_size, 0.0),) if beam_size > 1 else ()
    return (*first, *(Attempt(1, rung) for rung in LADDER))


def is_silence(text: WindowText) -> bool:
    """The model says nobody speaks and is unsure of its words: they are an invention."""
    return text.no_speech_prob > MIN_NO_SPEECH_PROB and text.avg_logprob < MIN_AVG_LOGPROB


def is_doubtful(text: WindowText) -> bool:
    """The text repeats itself or the model was guessing; another attempt may do better."""
    if is_silence(text):
        return False
    return text.compression_ratio > MAX_COMPRESSION_RATIO or text.avg_logprob < MIN_AVG_LOGPROB


def settle(tried: Sequence[WindowText]) -> WindowText:
    """The final text after these attempts: the most probable of those that do not repeat
    themselves, else of all; without words when the window is silence."""
    sound = [text for text in tried if text.compression_ratio <= MAX_COMPRESSION_RATIO]
    best = max(sound or tried, key=lambda text: text.avg_logprob)
    if is_silence(best):
        return msgspec.structs.replace(best, segments=(), rest_s=None)
    return best
