"""Audio and its speech probabilities → windows of at most 30 s, cut where nobody speaks.

Knows nothing about files, models or clocks: samples and probabilities in, windows out. Everything
is decided frame by frame, so the windows do not depend on the size of the chunks pushed.

A window is one contiguous slice of the recording. It opens shortly before speech, and closes when
nobody has spoken for a while or when it is full; a full window is cut at the best pause it
has, and the next one begins right there. Nothing that counts as speech falls between two windows;
and nothing at all, where everything is to be read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from auricle.speech.vad import FRAME
from auricle.types import SAMPLE_RATE, Pcm, Window
from auricle.whisper.dimensions import WINDOW_S

FRAME_S = FRAME / SAMPLE_RATE


def _frames(seconds: float) -> int:
    return int(seconds / FRAME_S)


MAX_FRAMES = _frames(WINDOW_S)

HYSTERESIS = 0.15
"""Speech begins at the threshold and goes on until the probability is this much lower."""

BELIEVED_FRAMES = 3
RECENT_FRAMES = _frames(0.5)
"""Speech is believed once 3 frames of it lie within half a second: a click is no speech, but a
voice that is barely heard flickers around the threshold, so the frames need not be in a row."""

BRIEF_FRAMES = _frames(0.3)
"""In a recording no longer than that one frame of speech is believed: a "to" lasts 0.13 s, and the
detector takes half of that to notice a voice. Noises so short make it notice nothing."""

PAD_FRAMES = _frames(0.4)
"""Audio kept behind speech, and on both sides of a cut: soft first and last sounds score low, and
losing a word is worse than keeping some silence."""

LEAD_FRAMES = _frames(2.5)
"""Audio kept before a window's first speech: a voice far from the microphone is often noticed
late, and a model that hears how a sentence begins reads it better."""

GAP_FRAMES = _frames(1.4)
"""Nobody speaking for so long ends a window: of sentences that have nothing to do with each other,
a model that reads them as one text leaves some out."""

TURN_GAP_FRAMES = _frames(0.6)
"""The same where turns of speakers are to be told apart."""

PAUSE_FRAMES = 3
"""The shortest pause a full window may be cut in; below that it is a stop within a word."""

PAUSE_ENOUGH_FRAMES = _frames(1.0)
PAUSE_PER_FRAME_OF_WINDOW = 0.04
"""A pause is worth its length up to a second, and a window longer by 10 s is worth 0.4 s more."""

FIRST_FROM_FRAMES = _frames(10.0)
FIRST_TO_FRAMES = _frames(16.0)
FIRST_PAUSE_FRAMES = _frames(0.3)
"""The first window of a recording longer than one window ends early, if there is a clear pause:
whoever waits for text sees some sooner."""

SEARCH_FRAMES = _frames(8.0)
"""Without any pause, the end of a full window is searched for the least harmful place to cut."""


class WindowCutter:
    """Cuts one recording. Push its chunks in order, then `finish` once.

    Holds at most one window and one chunk of audio; silence is dropped as it passes.
    """

    def __init__(
        self, threshold: float = 0.5, *, keeps_all: bool = False, by_turns: bool = False
    ) -> None:
        """``keeps_all``: silence is read as well; speech only tells where to cut, and windows end
        when they are full. ``by_turns``: shorter gaps divide, as the next voice may speak another
        language."""
        self._keeps_all = keeps_all
        self._gap = TURN_GAP_FRAMES if by_turns else GAP_FRAMES
        self._on_at = threshold
        self._off_below = max(threshold - HYSTERESIS, threshold / 2)
        self._audio = _Audio()
        # Of every frame from self._base on: its probability, and whether it counts as speech
        self._base = 0
        self._probabilities: list[float] = []
        self._is_speech: list[bool] = []
        self._is_on = False
        self._recent: deque[int] = deque()
        # The open window: where it starts (None: none is open), and ends so far
        self._start: int | None = None
        self._kept_end = 0
        self._last_stop = 0
        self._n_windows = 0

    @property
    def buffered_samples(self) -> int:
        """How much audio is held back; bounded, whatever the length of the recording."""
        return self._audio.n_held

    def push(self, pcm: Pcm, probabilities: NDArray[np.float32]) -> list[Window]:
        """Take the next stretch of audio; give the windows that are complete.

        ``probabilities`` has one value per 512 samples and may lag behind ``pcm`` by a frame.
        """
        self._audio.append(pcm)
        windows = []
        for probability in probabilities.tolist():
            window = self._advance(probability)
            if window is not None:
                windows.append(window)
        self._forget()
        return windows

    def finish(self) -> list[Window]:
        """The recording has ended; give the last window, if one is open."""
        if self._start is None and self._n_windows == 0 and self._n_frames <= BRIEF_FRAMES:
            self._take_brief_speech()
        if self._start is None:
            return []
        return [self._close(self._kept_end + (0 if self._keeps_all else PAD_FRAMES))]

    @property
    def _n_frames(self) -> int:
        return self._base + len(self._probabilities)

    def _advance(self, probability: float) -> Window | None:
        """Take one frame; give the window it completes."""
        frame = self._n_frames
        self._probabilities.append(probability)
        self._is_speech.append(False)
        self._is_on = probability >= (self._off_below if self._is_on else self._on_at)
        if self._is_on:
            self._take_speech(frame)
        if self._keeps_all:
            self._keep(self._last_stop, frame)
        if self._start is None:
            return None
        if frame + 1 - self._kept_end >= self._gap:
            return self._close(self._kept_end + PAD_FRAMES)
        if frame + 1 - self._start >= MAX_FRAMES:
            return self._cut(self._start)
        return None

    def _take_speech(self, frame: int) -> None:
        """Speech in ``frame``: believe it if there is enough around, and open a window for it."""
        self._recent.append(frame)
        while self._recent[0] <= frame - RECENT_FRAMES:
            self._recent.popleft()
        if len(self._recent) < BELIEVED_FRAMES:
            return
        for recent in self._recent:
            if recent >= self._base:
                self._is_speech[recent - self._base] = True
        self._keep(max(self._recent[0] - LEAD_FRAMES, self._last_stop), frame)

    def _take_brief_speech(self) -> None:
        """All of the recording is one window, if any frame of it is speech."""
        self._is_speech = [probability >= self._on_at for probability in self._probabilities]
        if any(self._is_speech):
            self._keep(0, self._n_frames - 1)

    def _keep(self, first: int, frame: int) -> None:
        """``frame`` belongs to a window; if none is open, to one from ``first`` on."""
        if self._start is None:
            self._start = first
        self._kept_end = frame + 1

    def _cut(self, start: int) -> Window:
        """The open window is full: end it at its best pause, or else where it hurts least."""
        end = self._n_frames
        pauses = self._pauses(start, end)
        pause = None
        if self._n_windows == 0:
            early = (start + FIRST_FROM_FRAMES, start + FIRST_TO_FRAMES)
            pause = _best(pauses, early, FIRST_PAUSE_FRAMES)
        pause = pause or _best(pauses, (start + MAX_FRAMES * 2 // 3, end), PAUSE_FRAMES)
        if pause is None:
            stop = self._quietest(end - SEARCH_FRAMES, end)
            window = self._close(stop)
            self._start = stop
        else:
            middle = (pause[0] + pause[1] + 1) // 2
            if self._keeps_all:
                window = self._close(middle)
                self._start = middle
                return window
            if pause[1] < end:
                window = self._close(min(pause[0] + PAD_FRAMES, middle))
                self._start = max(pause[1] - PAD_FRAMES, middle)
            else:  # nobody knows yet how long this pause is, so no window needs to follow
                window = self._close(min(pause[0] + PAD_FRAMES, end))
        return window

    def _close(self, stop: int) -> Window:
        """End the open window before frame ``stop``."""
        assert self._start is not None
        start, self._start, self._last_stop = self._start, None, stop
        pcm = self._audio.slice(start * FRAME, stop * FRAME)
        speech = tuple(self._spans(start, stop, len(pcm) / SAMPLE_RATE))
        self._n_windows += 1
        return Window(self._n_windows - 1, start * FRAME_S, pcm, speech)

    def _spans(self, start: int, stop: int, duration_s: float) -> Iterator[tuple[float, float]]:
        """Speech between frames ``start`` and ``stop``, in seconds of the recording."""
        end_s = start * FRAME_S + duration_s
        known = min(stop, self._n_frames)  # padding may reach behind the last frame
        speech = np.array(self._is_speech[start - self._base : known - self._base], np.int8)
        edges = np.flatnonzero(np.diff(speech, prepend=0, append=0)) + start
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            yield first * FRAME_S, min(last * FRAME_S, end_s)

    def _pauses(self, start: int, end: int) -> list[tuple[int, int]]:
        """Runs of frames without speech in ``[start, end)``, as (first, behind the last)."""
        speech = np.array(self._is_speech[start - self._base : end - self._base], np.int8)
        edges = np.flatnonzero(np.diff(speech, prepend=1, append=1)) + start
        return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def _quietest(self, start: int, end: int) -> int:
        """The frame in ``[start, end)`` that is least like speech: improbable, and quiet.

        Both count on the same scale: from the least to the most that occurs in the stretch.
        """
        pcm = self._audio.slice(start * FRAME, end * FRAME)
        n_whole = len(pcm) // FRAME  # the recording's very last frame may be short
        power = np.square(pcm[: n_whole * FRAME]).reshape(n_whole, FRAME).mean(axis=1)
        level = np.log10(power.astype(np.float64) + 1e-10)
        first = start - self._base
        probability = np.array(self._probabilities[first : first + n_whole])
        return start + int(np.argmin(_scaled(level) + _scaled(probability)))

    def _forget(self) -> None:
        """Drop what no window can need any more."""
        before = self._n_frames - RECENT_FRAMES - LEAD_FRAMES
        needed = before if self._start is None else self._start
        n_frames = max(needed, self._base) - self._base
        del self._probabilities[:n_frames]
        del self._is_speech[:n_frames]
        self._base += n_frames
        self._audio.drop_before(self._base * FRAME)


class _Audio:
    """The end of a growing recording, as the chunks it came in."""

    def __init__(self) -> None:
        self.n_total = 0
        self._chunks: deque[tuple[int, Pcm]] = deque()

    @property
    def n_held(self) -> int:
        return sum(len(pcm) for _, pcm in self._chunks)

    def append(self, pcm: Pcm) -> None:
        self._chunks.append((self.n_total, pcm))
        self.n_total += len(pcm)

    def slice(self, start: int, stop: int) -> Pcm:
        """A copy of samples ``[start, stop)``, as far as they exist."""
        parts = [pcm[max(start - at, 0) : max(stop - at, 0)] for at, pcm in self._chunks]
        return np.concatenate(parts, dtype=np.float32)

    def drop_before(self, sample: int) -> None:
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][1]) <= sample:
            self._chunks.popleft()


def _best(
    pauses: list[tuple[int, int]], within: tuple[int, int], at_least: int
) -> tuple[int, int] | None:
    """The pause to cut in, of those that have their middle ``within`` and are long enough."""
    fit = [
        (first, last)
        for first, last in pauses
        if last - first >= at_least and within[0] <= (first + last) / 2 < within[1]
    ]
    return max(fit, default=None, key=_worth)


def _worth(pause: tuple[int, int]) -> float:
    first, last = pause
    return min(last - first, PAUSE_ENOUGH_FRAMES) + PAUSE_PER_FRAME_OF_WINDOW * first


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from_lowest: NDArray[np.float64] = values - values.min()
    return from_lowest / max(float(from_lowest.max()), 1e-9)
