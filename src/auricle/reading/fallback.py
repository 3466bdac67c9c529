"""When a window's text is not to be believed, and what to try next.

Knows nothing about engines: quality figures in, a decision out. Thresholds and temperatures are
those of openai-whisper's ``transcribe`` unless the operator sets others. Three steps come before
the temperatures: the full audio context, if the window was read with less; greedy decoding after a
beam, because beam search prefers loops and greedy decoding often leaves them; and, instead of a
window that loops and has a pause, its halves. Nothing but the window decides, so that what one
request says never depends on another.

Why it is so: docs/decisions.md, Decoding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from auricle.reading.text import WindowText
from auricle.types import DecodeOptions

SURE_AVG_LOGPROB = -0.4
"""Above it, greedy decoding is as good as beam search: ``balanced`` keeps it."""

NO_VAD_SPEECH_PROB = 0.8
"""How sure it is that nobody speaks where voice detection heard nobody."""

LOOP_CHARACTERS = 40
_LOOP = re.compile(r"(\S.{1,60}?)\1{4,}", re.DOTALL)
"""A phrase said five times running, word for word and with its punctuation. In a long text it
hardly shows in the compression ratio."""


@dataclass(frozen=True, slots=True)
class FallbackThresholds:
    """From where on a text is doubted, and the temperatures tried against doubts, in turn."""

    max_compression_ratio: float = 2.4
    min_avg_logprob: float = -1.0
    max_no_speech_prob: float = 0.6
    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


OPENAI_WHISPER = FallbackThresholds()
"""What openai-whisper does."""


class Attempt(NamedTuple):
    """One way of decoding a window. Below ``sure_from`` the next way is tried."""

    beam_size: int
    temperature: float
    is_full: bool
    """With the full audio context."""
    sure_from: float = OPENAI_WHISPER.min_avg_logprob


def ladder(
    options: DecodeOptions, *, is_short: bool, thresholds: FallbackThresholds = OPENAI_WHISPER
) -> tuple[Attempt, ...]:
    """The ways to try in turn; a temperature that was asked for is the only one.

    ``is_short``: the window is first read with less than the full audio context.
    """
    is_full = not is_short
    sure_from = thresholds.min_avg_logprob
    if options.temperature > 0:
        given = Attempt(1, options.temperature, is_full, sure_from)
        return (given, given._replace(is_full=True)) if is_short else (given,)
    beam = 1 if options.decoding == "fast" else options.beam_size
    attempts = [Attempt(beam, 0.0, is_full, sure_from)]
    if options.decoding == "balanced" and beam > 1:
        attempts.insert(0, Attempt(1, 0.0, is_full, max(SURE_AVG_LOGPROB, sure_from)))
    if is_short:
        attempts.append(Attempt(beam, 0.0, True, sure_from))
    rungs = [Attempt(1, rung, True, sure_from) for rung in thresholds.temperatures]
    return (*attempts, *(rung for rung in rungs if rung != attempts[-1]))


def is_silence(
    text: WindowText,
    thresholds: FallbackThresholds = OPENAI_WHISPER,
    *,
    no_vad_speech: bool = False,
) -> bool:
    """Nobody speaks, and the words are an invention.

    openai-whisper asks for a no-speech probability over the threshold and improbable words. Here
    the surer the model is that nobody speaks, the surer it must be of its words, up to certainty:
    it says " you" to silence with a log-probability of -0.6 and a no-speech probability of 0.99,
    while speech stays below 0.6. ``no_vad_speech``: voice detection found no speech in the whole
    window, which counts as much as the model's own word.
    """
    if no_vad_speech and is_looping(text, thresholds):
        return True
    least = NO_VAD_SPEECH_PROB if no_vad_speech else 0.0
    over = max(text.no_speech_prob, least) - thresholds.max_no_speech_prob
    if over <= 0:
        return False
    share = over / (1.0 - thresholds.max_no_speech_prob)
    return text.avg_logprob < thresholds.min_avg_logprob * (1.0 - share)


def is_looping(text: WindowText, thresholds: FallbackThresholds = OPENAI_WHISPER) -> bool:
    """The text repeats itself, all of it or for a while."""
    if text.is_loop or text.compression_ratio > thresholds.max_compression_ratio:
        return True
    return any(len(run[0]) >= LOOP_CHARACTERS for run in _LOOP.finditer(text.text))


def is_broken(
    text: WindowText, attempt: Attempt, thresholds: FallbackThresholds = OPENAI_WHISPER
) -> bool:
    """The text repeats itself, or goes on where there is no audio for want of context."""
    runs_on = text.is_truncated or text.overruns_audio
    return is_looping(text, thresholds) or (runs_on and not attempt.is_full)


def is_doubtful(
    text: WindowText,
    attempt: Attempt,
    thresholds: FallbackThresholds = OPENAI_WHISPER,
    *,
    no_vad_speech: bool = False,
) -> bool:
    """The text is broken or the model was guessing; another attempt may do better."""
    if is_silence(text, thresholds, no_vad_speech=no_vad_speech):
        return False
    return is_broken(text, attempt, thresholds) or text.avg_logprob < attempt.sure_from


def is_worth_retrying(
    attempts: Sequence[Attempt],
    step: int,
    text: WindowText,
    thresholds: FallbackThresholds = OPENAI_WHISPER,
) -> bool:
    """Whether to make the next of the ``attempts``, as ``attempts[step]`` gave a doubtful ``text``.

    After a beam, more attempts are made at broken texts alone. What is merely improbable is the
    most probable text that a search could find: with more context it is no better, and greedy
    decoding and chance find worse.
    """
    if step + 1 == len(attempts):
        return False
    was_searched = any(each.beam_size > 1 for each in attempts[: step + 1])
    return not was_searched or is_broken(text, attempts[step], thresholds)


def choose(
    tried: Sequence[WindowText],
    thresholds: FallbackThresholds = OPENAI_WHISPER,
    *,
    no_vad_speech: bool = False,
) -> WindowText:
    """The final text after these attempts: the most probable of those that do not repeat
    themselves, else of all; without words when the window is silence."""
    sound = [text for text in tried if not is_looping(text, thresholds)]
    best = max(sound or tried, key=lambda text: text.avg_logprob)
    if is_silence(best, thresholds, no_vad_speech=no_vad_speech):
        return msgspec.structs.replace(best, segments=(), resume_s=None, last_timestamp_s=None)
    return best
