"""Words and token probabilities of a text, from how the decoder's attention moves through the
audio.

Knows nothing about engines: an alignment goes in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from auricle.engine.protocol import Aligned
from auricle.reading.text import WindowText
from auricle.types import DecodeOptions, Segment, Window
from auricle.whisper import alignment, word_timestamps
from auricle.whisper.dimensions import FRAMES_PER_S, FRAMES_PER_STATE
from auricle.whisper.vocabulary import Vocabulary
from auricle.whisper.word_timestamps import AlignedSpan, AlignedTokens


@dataclass(frozen=True, slots=True)
class AlignmentInput:
    """A text that is to be aligned with its audio."""

    text: WindowText
    window: Window
    vocabulary: Vocabulary

    @property
    def duration_s(self) -> float:
        """Of the audio the text is about: what is left unread is not."""
        resume_s = self.text.resume_s
        return (self.window.end_s if resume_s is None else resume_s) - self.window.start_s

    @property
    def n_frames(self) -> int:
        return n_frames(self.duration_s)

    @property
    def ids_by_segment(self) -> list[list[int]]:
        """The text tokens of each segment."""
        eot = self.vocabulary.eot
        return [[i for i in segment.tokens if i < eot] for segment in self.text.segments]

    @property
    def ids(self) -> tuple[int, ...]:
        """All text tokens."""
        return tuple(i for ids in self.ids_by_segment for i in ids)


def n_frames(duration_s: float) -> int:
    """Mel frames of audio, as words are placed in it."""
    return max(FRAMES_PER_STATE, int(duration_s * FRAMES_PER_S))


def detailed(
    unaligned: AlignmentInput, aligned: Aligned, options: DecodeOptions, late_s: float | None
) -> tuple[Segment, ...]:
    """The segments with words and token probabilities, as the options ask: those of the decoding,
    or of the alignment if these are not known."""
    ids, window = unaligned.ids, unaligned.window
    raws = [unaligned.vocabulary.decode_bytes([i]) for i in ids]
    segments: Sequence[Segment] = unaligned.text.segments
    known = [math.exp(token.logprob) for each in segments for token in each.logprobs or ()]
    is_known = len(known) == len(ids)
    found = AlignedTokens(ids, raws, aligned.path, known if is_known else aligned.probabilities)
    counts = [len(each) for each in unaligned.ids_by_segment]
    if options.logprobs and not is_known:
        segments = word_timestamps.with_logprobs(segments, counts, found)
    if options.words:
        language = "en" if options.task == "translate" else segments[0].language or "en"
        levels = alignment.loudness(window.pcm)
        span = AlignedSpan(window.start_s, unaligned.duration_s, levels, late_s, language)
        segments = word_timestamps.with_words(segments, counts, found, span)
    if not options.logprobs:
        segments = [msgspec.structs.replace(each, logprobs=None) for each in segments]
    return tuple(segments)
