"""What a real model hears in pcm, by `Reader`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np

from auricle.queue.policy import Priority
from auricle.reading.model import ReadingModel
from auricle.reading.reader import Reader, Reading
from auricle.types import SAMPLE_RATE, DecodeOptions, Language, Pcm, Window


async def heard(
    model: ReadingModel, pcm: Pcm, options: DecodeOptions | None = None, start_s: float = 0.0
) -> Reading:
    """All of the pcm is taken for speech. Without a language in the options it is English where the
    model knows nothing else, and is detected otherwise."""
    options = options or DecodeOptions()
    end_s = start_s + len(pcm) / SAMPLE_RATE
    window = Window(0, start_s, np.ascontiguousarray(pcm), ((start_s, end_s),))
    given = options.language or (None if model.vocabulary.multilingual else "en")

    async def language_of(detect: Callable[[], Awaitable[Language]]) -> Language:
        return await detect() if given is None else Language(given)

    with model.queue.admit() as admission:
        reader = Reader(model, admission, Priority.SHORT, options)
        return await reader.read(window, language_of)


def text(reading: Reading) -> str:
    return "".join(segment.text for segment in reading.segments).strip()
