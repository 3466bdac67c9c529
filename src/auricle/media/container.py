"""One untrusted media file → mono 16 kHz PCM, or a clear reason why not.

Knows nothing about processes or requests; it runs inside a decoder child.

Why it is so: docs/decisions.md, Media.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame

from auricle.errors import BadMedia
from auricle.media.convert import Converter, frame_format
from auricle.media.limits import (
    MediaLimits,
    bad_file,
    check_format,
    cpu_limit_passed,
    undecodable,
)
from auricle.media.sections import Section, sections
from auricle.media.source import Source
from auricle.media.timeline import Silence, Timeline
from auricle.types import SAMPLE_RATE, AudioTrack, Pcm

MIN_AUDIO_S = 0.1

MIN_LOSS_S = 0.2
"""Less than this that could not be decoded is not worth a warning: the end of a cut-off file."""

MIN_MISSING_S = 1.0
MIN_MISSING_SHARE = 0.02
"""A recording may be shorter by this than its header says, without a warning."""

_TEXT_PROBE_BYTES = 512


class Media:
    """An open file with an audio track. Raises `BadMedia` when it is not that.

    ``file`` stays the caller's to close, after `close`. ``audio_track`` is the number of a track,
    from 1, or a language; None is the best that can be decoded. ``audio_channel`` is one of its
    channels, from 0; None is all of them mixed. ``report`` is called often.
    """

    def __init__(
        self,
        file: BinaryIO,
        limits: MediaLimits,
        audio_track: str | None = None,
        report: Callable[[], None] = lambda: None,
        audio_channel: int | None = None,
    ) -> None:
        self._file = file
        self._limits = limits
        self._wanted = audio_track
        self._channel = audio_channel
        self._report = report
        self._cpu_start_s = time.process_time()
        self._timeline = Timeline(limits.max_audio_s)
        self._n_errors = 0
        self.warnings: list[str] = []
        """What could not be read, in words; complete once the last block was given."""
        _check_begin(file)
        self._spans = sections(file)
        self._opened = (self._spans[0], 0)
        self._source = Source(Section(file, *self._spans[0]), audio_track)
        self._check_declared()

    @property
    def track(self) -> AudioTrack:
        """Which track is read; certain once the last block was given."""
        return self._source.track

    @property
    def declared_s(self) -> float | None:
        """A claim, good enough to plan with; never more than the limit."""
        (_, first_stop), (_, stop) = self._spans[0], self._spans[-1]
        claimed_s = self._source.claimed_s() * stop / first_stop
        return min(claimed_s, self._limits.max_audio_s) if claimed_s else None

    def close(self) -> None:
        self._source.close()

    def blocks(self) -> Iterator[Pcm]:
        """The audio in blocks of about a second.

        Damage after good audio is skipped, or ends the audio where nothing follows. Raises
        `BadMedia` for no audio at all, less than 0.1 s of it, and for a limit that is passed.
        """
        n_samples = 0
        for block in self._converted():
            n_samples += len(block)
            if n_samples > self._limits.max_audio_s * SAMPLE_RATE:
                raise bad_file(
                    "The audio is longer than the limit of "
                    f"{self._limits.max_audio_s:g} seconds (max_audio_s)."
                )
            yield block
        if n_samples == 0 and (self._n_errors or (self.declared_s or 0.0) >= MIN_AUDIO_S):
            raise undecodable()
        if n_samples < MIN_AUDIO_S * SAMPLE_RATE:
            raise BadMedia(
                f"Audio file is too short. Minimum audio length is {MIN_AUDIO_S:g} seconds.",
                param="file",
                code="audio_too_short",
            )
        if self._timeline.unlikely_at_s is not None:
            self.warnings.append(
                f"The times in the file jump after {self._timeline.unlikely_at_s:.1f} s by more "
                "than can be true; what follows was put right behind."
            )

    def _converted(self) -> Iterator[Pcm]:
        converter: Converter | None = None
        for piece in self._placed():
            try:
                if converter is not None and converter.format != _format(piece):
                    previous, converter = converter, None
                    yield from previous.finish()
                if isinstance(piece, Silence):
                    yield from _silence(piece.duration_s)
                    continue
                if converter is None:
                    check_format(piece.sample_rate, piece.layout.nb_channels)
                    converter = Converter(piece, self._channel)
                yield from converter.push(piece)
            except av.FFmpegError:
                self._n_errors += 1
        if converter is not None:
            yield from converter.finish()

    def _placed(self) -> Iterator[AudioFrame | Silence]:
        """The frames of all sections, with silence where the clock jumps."""
        timeline = self._timeline
        for source in self._sources():
            timeline.begin(source.clock)
            begin_s = timeline.next_s
            for frame, time_s in source.frames(self._check_cpu):
                yield from timeline.place(frame, time_s)
            yield from timeline.finish()
            self._n_errors += source.n_errors
            if timeline.next_s > begin_s:
                self.warnings += _damage(source, begin_s, timeline.next_s)

    def _sources(self) -> Iterator[Source]:
        """The best track of each section; the next best where that turned out to be empty."""
        for span in self._spans:
            for nth in itertools.count():
                begin_s = self._timeline.next_s
                if not self._open(span, nth):
                    break
                yield self._source
                if self._timeline.next_s > begin_s or nth + 1 >= self._source.n_candidates:
                    break

    def _open(self, span: tuple[int, int], nth: int) -> bool:
        """Whether there is such a track."""
        if (span, nth) == self._opened:
            return True
        self._check_cpu()
        try:
            source = Source(Section(self._file, *span), self._wanted, nth)
        except BadMedia as exc:
            self.warnings.append(
                f"After {self._timeline.next_s:.1f} s, a part of the file from byte {span[0]} on "
                f"could not be read: {exc.message}"
            )
            return False
        self._source.close()
        self._source, self._opened = source, (span, nth)
        return True

    def _check_declared(self) -> None:
        context = self._source.stream.codec_context
        if context.sample_rate:  # some codecs say it only with their first frame
            check_format(context.sample_rate, context.layout.nb_channels)
        stated_s = self._source.stated_s()
        if stated_s > self._limits.max_audio_s:
            raise bad_file(
                f"The audio is {stated_s:.0f} seconds long; the limit is "
                f"{self._limits.max_audio_s:g} seconds (max_audio_s)."
            )

    def _check_cpu(self) -> None:
        self._report()
        if time.process_time() - self._cpu_start_s > self._limits.max_cpu_s:
            raise cpu_limit_passed(self._limits.max_cpu_s)


def _format(piece: AudioFrame | Silence) -> tuple[str, str, int, int] | None:
    return None if isinstance(piece, Silence) else frame_format(piece)


def _check_begin(file: BinaryIO) -> None:
    """Refuse what is no media file at all."""
    file.seek(0)
    head = file.read(_TEXT_PROBE_BYTES)
    if not head:
        raise bad_file("The audio file is empty.")
    if _is_text(head):
        raise bad_file("The file is text, not audio.")


def _is_text(head: bytes) -> bool:
    """Whether the file starts with a screenful of printable characters: no container does."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as exc:
        if exc.start < len(head) - 3:  # not merely a character cut in two by the end of the probe
            return False
        text = head[: exc.start].decode("utf-8")
    return all(char.isprintable() or char in "\r\n\t\f\ufeff" for char in text)


def _silence(duration_s: float) -> Iterator[Pcm]:
    """In blocks of a second."""
    n_samples = round(duration_s * SAMPLE_RATE)
    for first in range(0, n_samples, SAMPLE_RATE):
        yield np.zeros(min(SAMPLE_RATE, n_samples - first), np.float32)


def _damage(source: Source, begin_s: float, end_s: float) -> Iterator[str]:
    """What of a source, which lies there in the recording, could not be read."""
    if source.lost_s >= MIN_LOSS_S:
        at_s = begin_s + max(source.lost_at_s or 0.0, 0.0)
        yield (
            f"{source.lost_s:.1f} s of the audio are damaged and could not be decoded, the first "
            f"of them after {at_s:.1f} s."
        )
    missing_s = source.missing_s()
    if missing_s > max(MIN_MISSING_S, MIN_MISSING_SHARE * (end_s - begin_s)):
        yield (
            f"The audio ends after {end_s:.1f} s, but the file says that {missing_s:.1f} s more "
            "belong to it: it was cut off or is damaged."
        )
    elif source.gave_up:
        yield f"After {end_s:.1f} s the file could not be read any more."
