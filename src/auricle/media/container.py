"""One untrusted media file → mono 16 kHz PCM, or a clear reason why not.

Knows nothing about processes or requests; it runs inside a decoder child. The container is told
from its bytes, never from a name, and only containers on the list below are ever opened: formats
that name other files or addresses (playlists, session descriptions, image sequences) are not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import BinaryIO

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard

from auricle.errors import BadMedia
from auricle.media.convert import Converter, frame_format
from auricle.media.limits import MediaLimits, bad_file, cpu_limit_passed, undecodable
from auricle.types import SAMPLE_RATE, Pcm

CONTAINERS = (
    "aac,ac3,aiff,amr,asf,au,avi,caf,eac3,flac,flv,loas,matroska,mov,mp3,mpeg,mpegts,nistsphere,"
    "ogg,tta,w64,wav,wv"
)
"""Demuxers that read one file and nothing else."""

MAX_CHANNELS = 64
MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 768_000
MAX_SAMPLES_PER_S = 32 * 48_000
"""Rate times channels. A megabyte of FLAC can hold an hour of silence at 384 kHz in 8 channels."""

MIN_AUDIO_S = 0.1

MAX_READ_ERRORS = 32
"""Failed reads in a row after which a damaged file counts as ended."""

DURATION_IS_A_GUESS = frozenset({"aac", "ac3", "amr", "eac3", "loas", "mp3", "mpeg", "mpegts"})
"""Containers whose length is estimated from their bit rate, so it is no reason to refuse."""

_TEXT_PROBE_BYTES = 512


class Media:
    """An open file with an audio track. Raises `BadMedia` when it is not that.

    ``file`` stays the caller's to close, after `close`.
    """

    def __init__(self, file: BinaryIO, limits: MediaLimits) -> None:
        self._limits = limits
        self._cpu_start_s = time.process_time()
        self._container = _opened(file)
        self._stream = _audio_stream(self._container)
        self._check_declared()
        claimed_s = _claimed_s(self._container, self._stream)
        self.declared_s = min(claimed_s, limits.max_audio_s) if claimed_s else None
        """A claim, good enough to plan with; never more than the limit."""
        self._n_errors = 0

    def close(self) -> None:
        self._container.close()

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

    def _converted(self) -> Iterator[Pcm]:
        converter: Converter | None = None
        for frame in self._frames():
            try:
                if converter is None or converter.format != frame_format(frame):
                    _check_format(frame.sample_rate, frame.layout.nb_channels)
                    previous, converter = converter, Converter(frame)
                    if previous is not None:
                        yield from previous.finish()
                yield from converter.push(frame)
            except av.FFmpegError:
                self._n_errors += 1
        if converter is not None:
            yield from converter.finish()

    def _frames(self) -> Iterator[AudioFrame]:
        n_in_a_row = 0
        while n_in_a_row < MAX_READ_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    n_in_a_row = 0
                    self._check_cpu()
                    yield from self._decoded(packet)
                return
            except (av.FFmpegError, IndexError):  # PyAV: packet of a stream it has not seen yet
                n_in_a_row += 1
                self._n_errors += 1
        yield from self._decoded(None)

    def _decoded(self, packet: Packet[AudioStream] | None) -> list[AudioFrame]:
        """The frames of one packet; of none: what the decoder still holds."""
        try:
            return self._stream.decode(packet)
        except av.FFmpegError:
            self._n_errors += 1
            return []

    def _check_declared(self) -> None:
        context = self._stream.codec_context
        if context.sample_rate:  # some codecs say it only with their first frame
            _check_format(context.sample_rate, context.layout.nb_channels)
        declared_s = _declared_s(self._container, self._stream)
        if declared_s > self._limits.max_audio_s:
            raise bad_file(
                f"The audio is {declared_s:.0f} seconds long; the limit is "
                f"{self._limits.max_audio_s:g} seconds (max_audio_s)."
            )

    def _check_cpu(self) -> None:
        if time.process_time() - self._cpu_start_s > self._limits.max_cpu_s:
            raise cpu_limit_passed(self._limits.max_cpu_s)


class _Bytes:
    """What PyAV may do with a file. A damaged header can ask for a place before the start: that
    is answered as FFmpeg does it, since PyAV would raise an exception at some later, other call."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


def _opened(file: BinaryIO) -> InputContainer:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size == 0:
        raise bad_file("The audio file is empty.")
    head = file.read(_TEXT_PROBE_BYTES)
    file.seek(0)
    if _is_text(head):
        raise bad_file("The file is text, not audio.")
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    try:
        return av.open(_Bytes(file), mode="r", options=options, metadata_errors="ignore")
    except av.FFmpegError as exc:
        raise undecodable() from exc


def _is_text(head: bytes) -> bool:
    """Whether the file starts with a screenful of printable characters: no container does."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as exc:
        if exc.start < len(head) - 3:  # not merely a character cut in two by the end of the probe
            return False
        text = head[: exc.start].decode("utf-8")
    return all(char.isprintable() or char in "\r\n\t\f\ufeff" for char in text)


def _audio_stream(container: InputContainer) -> AudioStream:
    try:
        stream = container.streams.best("audio")
    except IndexError:  # the best one appeared after the header, which PyAV does not follow
        stream = None
    if stream is None and container.streams.audio:
        stream = container.streams.audio[0]
    if stream is None:
        kinds = sorted({each.type for each in container.streams})
        found = f"; it has {' and '.join(kinds)}" if kinds else ""
        raise bad_file(f"The file has no audio track{found}.")
    assert isinstance(stream, AudioStream)
    if stream.codec_context is None:
        raise undecodable()
    stream.codec_context.thread_count = 1
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def _check_format(rate_hz: int, n_channels: int) -> None:
    if n_channels > MAX_CHANNELS:
        raise bad_file(f"The audio has {n_channels} channels; the limit is {MAX_CHANNELS}.")
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise bad_file(
            f"The audio's sample rate is {rate_hz} Hz; it must be between {MIN_RATE_HZ} "
            f"and {MAX_RATE_HZ} Hz."
        )
    if rate_hz * n_channels > MAX_SAMPLES_PER_S:
        raise bad_file(
            f"The audio has {n_channels} channels at {rate_hz} Hz, {rate_hz * n_channels} samples "
            f"per second; the limit is {MAX_SAMPLES_PER_S}."
        )


def _declared_s(container: InputContainer, stream: AudioStream) -> float:
    """The length the file claims, 0 when it claims none that can be trusted."""
    if container.format.name in DURATION_IS_A_GUESS:
        return 0.0
    return _claimed_s(container, stream)


def _claimed_s(container: InputContainer, stream: AudioStream) -> float:
    """The length by the header, or by the bit rate where the container has none; 0 for unknown.

    A recorder that streams writes a length of "as much as fits" into its WAV header, so a claim
    counts only as far as the bytes in the file could hold it at the codec's constant bit rate.
    """
    if container.duration is None:
        return 0.0
    declared_s = max(container.duration / 1_000_000, 0.0)
    bit_rate = stream.codec_context.bit_rate
    if stream.codec_context.name.startswith("pcm_") and bit_rate:
        declared_s = min(declared_s, container.size * 8 / bit_rate)
    return declared_s
