"""What reading a live stream costs now, where nobody knows: readings of nobody's audio.

Knows nothing about streams.
"""

from __future__ import annotations

import numpy as np

from auricle.live.effects import ReadRequest
from auricle.live.recognition import Recognizer
from auricle.queue.policy import Priority
from auricle.reading.encoded import opened
from auricle.reading.model import ReadingModel
from auricle.types import SAMPLE_RATE, DecodeOptions, Window

SECONDS = 4.0
"""As long as windows of streams are on average."""

NOISE_RMS = 1e-3

SPOKEN = 2.0
"""How much more than noise speech costs, which has more to write."""


async def cost_s(model: ReadingModel) -> float:
    """Seconds of a worker for a partial reading, of two, as an engine that was idle takes up to
    three times as long for the first. Raises what a reading raises."""
    await _noise_s(model)
    return SPOKEN * await _noise_s(model)


async def _noise_s(model: ReadingModel) -> float:
    noise = np.random.default_rng(0).normal(0.0, NOISE_RMS, round(SECONDS * SAMPLE_RATE))
    pcm = noise.astype(np.float32)
    request = ReadRequest(0, 0, "partial", 0.0, SECONDS, pcm, (), (), "", "en")
    recognizer = Recognizer(model.vocabulary, model.late_s, DecodeOptions())
    window = Window(0, 0.0, pcm, ())
    with (
        model.queue.admit_background() as admission,
        opened(model.queue, admission, window, Priority.LIVE_PARTIAL) as encoded,
    ):
        await recognizer.read(encoded, request)
        return encoded.busy_s
