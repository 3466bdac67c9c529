"""When a window's text is not to be believed, and what to try next.

Knows nothing about engines: quality figures in, a decision out. Thresholds and ladder are those of
openai-whisper's ``transcribe``. Two steps come before its temperatures: the full audio context, if
the window was read with less, and greedy decoding after a beam, because beam search prefers loops
and greedy decoding often leaves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from auricle.engine.protocol import WindowText
from auricle.types import Options

MAX_COMPRESSION_RATIO = 2.4
MIN_AVG_LOGPROB = -1.0
MIN_NO_SPEECH_PROB = 0.6

SURE_AVG_LOGPROB = -0.4
"""Above it, greedy decoding is as good as beam search: ``balanced`` keeps it."""

LADDER = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Attempt(NamedTuple):
    """One way of decoding a window. Below ``sure_from`` the next way is tried."""

    beam_size: int
    temperature: float
    is_full: bool
    """With the full audio context."""
    sure_from: float = MIN_AVG_LOGPROB


def attempts(options: Options, *, is_short: bool) -> tuple[Attempt, ...]:
    """The ways to try in turn; a temperature that was asked for is the only one.

    ``is_short``: the window is first read with less than the full audio context.
    """
    is_full = not is_short
    if options.temperature > 0:
        given = Attempt(1, options.temperature, is_full)
        return (given, given._replace(is_full=True)) if is_short else (given,)
    beam = 1 if options.decoding == "fast" else options.beam_size
    ways = [Attempt(beam, 0.0, is_full)]
    if options.decoding == "balanced" and beam > 1:
        ways.insert(0, Attempt(1, 0.0, is_full, sure_from=SURE_AVG_LOGPROB))
    if is_short:
        ways.append(Attempt(beam, 0.0, is_full=True))
    ways += [Attempt(1, rung, is_full=True) for rung in LADDER if rung > 0 or beam > 1]
    return tuple(ways)


def is_silence(text: WindowText) -> bool:
    """The model says nobody speaks and is unsure of its words: they are an invention."""
    return text.no_speech_prob > MIN_NO_SPEECH_PROB and text.avg_logprob < MIN_AVG_LOGPROB


def is_doubtful(text: WindowText, attempt: Attempt) -> bool:
    """The text repeats itself or the model was guessing; another attempt may do better."""
    if is_silence(text):
        return False
    if not attempt.is_full and (text.is_cut or text.is_past_end):
        return True
    return text.compression_ratio > MAX_COMPRESSION_RATIO or text.avg_logprob < attempt.sure_from


def settle(tried: Sequence[WindowText]) -> WindowText:
    """The final text after these attempts: the most probable of those that do not repeat
    themselves, else of all; without words when the window is silence."""
    sound = [text for text in tried if text.compression_ratio <= MAX_COMPRESSION_RATIO]
    best = max(sound or tried, key=lambda text: text.avg_logprob)
    if is_silence(best):
        return msgspec.structs.replace(best, segments=(), rest_s=None)
    return best
