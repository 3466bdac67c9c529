"""The rest of a window in which the model ended its text too soon, from the states there are.

Knows nothing about other windows. Whisper may end a text behind a pair of timestamps, although it
meant to go on. Given the same text without timestamps, it says how.

Why it is so: docs/decisions.md, Decoding.
"""

from __future__ import annotations

import msgspec

from auricle.engine.protocol import Hypothesis
from auricle.reading import coverage, fallback, prompt_echo, short_speech
from auricle.reading.jobs import DecodeSettings
from auricle.reading.text import WindowText, tokens_of
from auricle.reading.window_decoder import WindowDecoder
from auricle.types import DecodeOptions, Segment, Window
from auricle.whisper import prompting
from auricle.whisper.dimensions import MAX_NEW_TOKENS, MAX_POSITIONS, SECONDS_PER_STATE
from auricle.whisper.prompting import Prompt
from auricle.whisper.vocabulary import Vocabulary

MAX_REST_S = 6.0
"""A longer rest may be several sentences, which have times of their own when it is read alone."""

MIN_SPEECH_S = 0.5
"""Speech in the rest, below which no words are looked for in it this way."""

MAX_TOKENS = 80
"""Of the rest: bounds a runaway."""

MIN_LOGPROB = -1.0
"""How sure the model must be of the rest on average, where the engine tells."""


async def read_on(decoder: WindowDecoder, text: WindowText) -> WindowText:
    """The text with the rest of its window as one more segment, if it leaves one unread that is
    found this way; else as it was."""
    window, model, options = decoder.encoded.window, decoder.model, decoder.options
    said = tuple(i for each in text.segments for i in each.tokens if i < model.vocabulary.eot)
    told = (*said, *_given_behind(decoder, text))
    ids = (*decoder.prompt.ids, model.vocabulary.no_timestamps)
    fits = len(told) + MAX_TOKENS <= min(MAX_NEW_TOKENS, MAX_POSITIONS - len(ids))
    if not fits or not _stops_early(text, window) or fallback.is_looping(text, model.thresholds):
        return text
    settings = _settings(options, model.vocabulary, len(told) + MAX_TOKENS)
    prompt = Prompt(ids, told, expected=decoder.prompt.expected)
    found = await decoder.encoded.decode(prompt, settings)
    rest = _segment(text, window, model.vocabulary, found, len(said))
    return text if rest is None or _only_repeats(decoder, text, rest) else _with(text, rest)


def _given_behind(decoder: WindowDecoder, text: WindowText) -> tuple[int, ...]:
    """What was given out of the rest already; it begins with that."""
    if decoder.early is None:
        return ()
    first_timestamp = decoder.model.vocabulary.first_timestamp
    return decoder.early.given.behind(text.segments, first_timestamp).ids[1:]


def _stops_early(text: WindowText, window: Window) -> bool:
    """Whether the text leaves unread what may be one more segment. What was found by chance is no
    beginning to go on from."""
    if text.resume_s is None or text.temperature > 0 or not text.segments:
        return False
    rest_s = window.end_s - text.resume_s
    return rest_s <= MAX_REST_S and coverage.speech_from(window, text.resume_s) >= MIN_SPEECH_S


def _settings(options: DecodeOptions, vocabulary: Vocabulary, max_tokens: int) -> DecodeSettings:
    searches = options.decoding != "fast"
    return DecodeSettings(
        beam_size=options.beam_size if searches else 1,
        temperature=0.0,
        max_new_tokens=max_tokens,
        patience=options.patience if searches else 1.0,
        suppress_tokens=prompting.suppressed(vocabulary, options.suppress_tokens),
    )


def _segment(
    text: WindowText, window: Window, vocabulary: Vocabulary, found: Hypothesis, n_said: int
) -> Segment | None:
    """The rest; None if it is nothing, or nothing that can be said in the time."""
    assert text.resume_s is not None
    ids = tuple(i for i in found.ids[n_said:] if i < vocabulary.eot)
    logprobs = found.logprobs[n_said:]
    said = vocabulary.decode(ids).rstrip()
    is_sure = not logprobs or sum(logprobs) >= MIN_LOGPROB * len(logprobs)
    n_letters = short_speech.n_letters(said)
    if found.is_loop or not is_sure or not 0 < n_letters <= _most(window.end_s - text.resume_s):
        return None
    times = (text.resume_s - window.start_s, window.duration_s)
    begin, end = (vocabulary.first_timestamp + round(s / SECONDS_PER_STATE) for s in times)
    last = text.segments[-1]
    return msgspec.structs.replace(
        last,
        start_s=round(text.resume_s, 3),
        end_s=round(window.end_s, 3),
        text=said,
        tokens=(begin, *ids, end),
        logprobs=last.logprobs and (tokens_of(ids, logprobs, vocabulary) or None),
    )


def _most(rest_s: float) -> float:
    """Letters that can be said in so many seconds."""
    return short_speech.LETTERS_AT_ONCE + short_speech.LETTERS_PER_S * rest_s


def _only_repeats(decoder: WindowDecoder, text: WindowText, rest: Segment) -> bool:
    """Whether the rest may repeat what the model was told, or itself and what comes before."""
    alone = msgspec.structs.replace(text, segments=(rest,))
    is_loop = fallback.is_looping(_with(text, rest), decoder.model.thresholds)
    return is_loop or prompt_echo.is_suspect(alone, decoder.options)


def _with(text: WindowText, rest: Segment) -> WindowText:
    """The text, read to the end of its window."""
    return msgspec.structs.replace(
        text, segments=(*text.segments, rest), resume_s=None, last_timestamp_s=rest.end_s
    )
