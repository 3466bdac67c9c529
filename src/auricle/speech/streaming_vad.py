"""Listening for speech through a whole recording: quiet audio is raised, long noise forgotten.

Knows nothing about files, spans or thresholds: samples in, probabilities out.

In steady noise the detector's state runs up without bound, and it becomes deaf: after ten minutes
of music it misses the first sentence, after ten of loud noise half of it. So where nobody has
spoken for a while it begins anew, and first hears the last seconds once more: a state that knows
nothing yet takes the music itself for speech.
"""

from __future__ import annotations

import numpy as np

from auricle.speech.gain import NO_LEVELS, with_gain
from auricle.speech.vad import F32, FRAME, SpeechDetector, VadState

STRETCH = 312 * FRAME
"""Samples, 10 s: so much audio without speech is forgotten."""

HEARD_AGAIN = 125 * FRAME
"""Samples, 4 s: with fewer, some frames of music count as speech afterwards."""

PERHAPS = 0.3
"""A frame from which on somebody might be speaking."""


class StreamingVad:
    """Listens to one recording, from its beginning to its end."""

    def __init__(self, detector: SpeechDetector) -> None:
        self._detector = detector
        self._state = VadState.initial()
        self._levels = NO_LEVELS
        # Of digital silence, which a recorder's pauses become: they may last for hours
        self._is_after_silence = False
        self._silence: F32 | None = None
        """What is found in a stretch of it that follows another."""

    def probabilities(self, pcm: F32) -> F32:
        """How likely each frame of the next ``pcm`` is speech, ``(n_samples // 512,)``. Only the
        last ``pcm`` of a recording may end with a part of a frame: see `finish`."""
        raised, self._levels = with_gain(pcm, self._levels)
        starts = range(0, max(len(raised), 1), STRETCH)
        return np.concatenate([self._stretch(raised[at : at + STRETCH]) for at in starts])

    def finish(self) -> F32:
        """The probability of the part of a frame the recording ended with, if there was one."""
        return np.asarray(self._detector.finish(self._state)[0])

    def _stretch(self, raised: F32) -> F32:
        is_silence = len(raised) == STRETCH and not raised.any()
        follows_silence = is_silence and self._is_after_silence
        if follows_silence and self._silence is not None:
            return self._silence
        found, self._state = self._detector.probabilities(raised, self._state)
        self._is_after_silence = False
        if len(raised) == STRETCH and found.max() < PERHAPS:
            again = raised[-HEARD_AGAIN:]
            _, self._state = self._detector.probabilities(again, VadState.initial())
            self._is_after_silence = is_silence
            if follows_silence:
                self._silence = found
        return found
