"""What whisper.cpp's server and whisper-asr-webservice have in common: how their requests become
ones that OpenAI's clients could have sent, and how they write words and languages.

Knows nothing about paths.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from auricle.server.fields import audio_request
from auricle.server.fields.audio_request import WITH_AUTO, AudioRequest
from auricle.server.fields.form import Form
from auricle.settings.config import Settings
from auricle.types import Language, Task, Word
from auricle.whisper import languages

SERVED_MODEL = "whisper-1"
"""A request that names no model means the one the server was started with."""

TEXT = "text/plain; charset=utf-8"

TIME_DECIMALS = 3
FIGURE_DECIMALS = 4

TEXTS = WITH_AUTO | {"initial_prompt"}
"""Fields in which ``auto`` is a value or a text."""

_RENAMED: Sequence[tuple[str, str]] = (
    ("model", "model"),
    ("language", "language"),
    ("prompt", "prompt"),
    ("initial_prompt", "prompt"),
    ("hotwords", "hotwords"),
    ("temperature", "temperature"),
    ("beam_size", "beam_size"),
    ("vad", "vad"),
    ("vad_filter", "vad"),
)
"""What their fields are called here. Others are ignored, as they ignore them."""

_MEANS_NOTHING = {"beam_size": "-1"}
"""What they take for not given."""

WORDS = tuple(("timestamp_granularities[]", each) for each in ("word", "segment"))
"""Fields that ask for the times of words, beside those of segments."""


def read(form: Form, task: Task, settings: Settings, *more: tuple[str, str]) -> AudioRequest:
    """A request by what their form or query says, and by fields of ours that follow from it.

    Raises:
        InvalidRequest: see `audio_request.parse`.
    """
    pairs = list(more)
    samples = bool(form.decimal("temperature", 0, 1))  # without beams, there as here
    for theirs, ours in _RENAMED:
        value = form.text(theirs)
        if theirs == "beam_size" and samples:
            continue
        if value is not None and value != _MEANS_NOTHING.get(theirs):
            pairs.append((ours, value))
    if form.text("model") is None:
        pairs.append(("model", SERVED_MODEL))
    return audio_request.parse(pairs, task, settings)


class SpokenWord(msgspec.Struct, frozen=True):
    """``word`` keeps the space before it, as both servers do."""

    word: str
    start: float
    end: float
    probability: float


def spoken_words(words: Sequence[Word]) -> tuple[SpokenWord, ...]:
    return tuple(
        SpokenWord(word.text, time(word.start_s), time(word.end_s), figure(word.probability))
        for word in words
    )


def language_name(language: Language | None) -> str:
    """The English name, empty without speech."""
    return "" if language is None else languages.NAMES.get(language.code, language.code)


def time(value_s: float) -> float:
    """Seconds as they are written."""
    return round(value_s, TIME_DECIMALS)


def figure(value: float) -> float:
    """A probability or a ratio as it is written."""
    return round(value, FIGURE_DECIMALS)
