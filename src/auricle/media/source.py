"""One container's audio track: its frames, each with the time at which a player would play it.

Knows nothing about what becomes of the frames. The container is told from its bytes, never from a
name, and only those of `formats` are ever opened: formats that name other files or addresses
(playlists, session descriptions, image sequences) are not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from fractions import Fraction
from typing import Protocol

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition

from auricle.errors import BadMedia
from auricle.media import formats, tracks
from auricle.media.limits import undecodable
from auricle.media.sections import Section, riff_bytes
from auricle.media.timeline import Clock, duration_s

MAX_READ_ERRORS = 32
"""Failed reads in a row after which a damaged file counts as ended."""

MAX_PRIMING_S = 0.3
"""A decoder's first samples that are not played: up to 0.14 s of mp3 at 8 kHz."""

MAX_JUMP_S = 3600.0
"""The longest pause that a container's clock is believed, where the header does not say how long
the recording is; ffplay does the same."""

MAX_LOOSE_JUMP_S = 600.0
"""The same for broadcast formats, whose clock may become another one at any time."""

MIN_BYTES_PER_S = 100
"""Codecs for radio take as much."""

_AVFMT_TS_DISCONT = 0x0200
"""FFmpeg's flag of a demuxer whose clock may jump."""

MIN_REST_BYTES = 188 * 100
"""Less than this, some hundred packets of a broadcast, holds no other track."""


class Source:
    """An open track. Raises `BadMedia` when there is none.

    ``nth``: the best track is 0; others are tried when it turns out to be empty.
    """

    def __init__(self, section: Section, wanted: str | None, nth: int = 0) -> None:
        self._section = section
        self._container, found = opened(section, wanted)
        self.n_candidates = len(found)
        self.stream = only(found[nth])
        self._kind = _kind(self._container)
        self.track = tracks.described(self._container, self.stream)
        self._zero_s = _zero_s(self._container)
        self._first_packet_s: float | None = None
        self._priming_s: float | None = None
        self._last_packet_at: int | None = None
        self.reached_s = 0.0
        """The container's time at the end of what was decoded."""
        self.n_errors = 0
        self.lost_s = 0.0
        """How much could not be decoded."""
        self.lost_at_s: float | None = None
        """Where that begins."""
        self.gave_up = False
        """Reading ended with errors, not at the end."""

    def close(self) -> None:
        self._container.close()

    @property
    def clock(self) -> Clock:
        longest_s = MAX_LOOSE_JUMP_S if _is_loose(self._container) else MAX_JUMP_S
        has_length = self._kind not in formats.WITHOUT_LENGTH
        return Clock(longest_s, (_length_s(self._container) or None) if has_length else None)

    def frames(self, check: Callable[[], None]) -> Iterator[tuple[AudioFrame, float | None]]:
        """Every frame that can be decoded, with its time since the beginning of the container.
        ``check`` is called with every packet, and raises where reading costs too much."""
        yield from self._frames(check)
        while self._goes_on_as_another_track():
            yield from self._frames(check)

    def claimed_s(self) -> float:
        """The length by the header, or by the bit rate where the container has none; 0 for unknown.

        A claim counts only as far as the bytes in the file can hold it: a recorder that streams
        writes "as much as fits" into its header, and one damaged time makes days of a minute.
        """
        claimed_s = max(_length_s(self._container), 0.0)
        n_bytes = self._section.size
        if bit_rate := self._constant_bit_rate():
            claimed_s = min(claimed_s, n_bytes * 8 / bit_rate)
        return (
            min(claimed_s, n_bytes / MIN_BYTES_PER_S) if self._kind in formats.DATED else claimed_s
        )

    def stated_s(self) -> float:
        """As `claimed_s`, where that is no estimate; 0 where it is one."""
        return 0.0 if self._kind in formats.WITHOUT_LENGTH else self.claimed_s()

    def missing_s(self) -> float:
        """How much of the audio that the file says it has was not there, 0 if it cannot be told."""
        if self._kind == "wav":  # FFmpeg corrects the length to that of the file
            stated = riff_bytes(self._section)
            return self.reached_s * max(stated / self._section.size - 1, 0.0)
        stream_s = _length_s(self.stream) or _tagged_s(self.stream)
        container_s = _length_s(self._container)
        has_video = any(each.type == "video" for each in self._container.streams)
        if self._kind in formats.WITHOUT_LENGTH or (has_video and not stream_s):
            return 0.0
        return min(stream_s or container_s, container_s) - (self._zero_s + self.reached_s)

    def _frames(self, check: Callable[[], None]) -> Iterator[tuple[AudioFrame, float | None]]:
        n_in_a_row = 0
        while n_in_a_row < MAX_READ_ERRORS:
            try:
                for packet in self._container.demux(self.stream):
                    n_in_a_row = 0
                    check()
                    for frame in self._decoded(packet):
                        yield frame, self._time_s(frame)
                return
            except (av.FFmpegError, IndexError):  # PyAV: packet of a stream it has not seen yet
                n_in_a_row += 1
                self.n_errors += 1
        self.gave_up = True
        for frame in self._decoded(None):
            yield frame, self._time_s(frame)

    def _decoded(self, packet: Packet[AudioStream] | None) -> list[AudioFrame]:
        """The frames of one packet; of none: what the decoder still holds."""
        if packet is not None and packet.pos is not None:
            self._last_packet_at = packet.pos
        if packet is not None and packet.pts is not None and self._first_packet_s is None:
            self._first_packet_s = float(packet.pts * packet.time_base) - self._zero_s
        try:
            return self.stream.decode(packet)
        except av.FFmpegError:
            self._note_loss(packet)
            return []

    def _note_loss(self, packet: Packet[AudioStream] | None) -> None:
        self.n_errors += 1
        if packet is not None and packet.duration:
            self.lost_s += float(packet.duration * packet.time_base)
        if self.lost_at_s is None:
            self.lost_at_s = self.reached_s

    def _time_s(self, frame: AudioFrame) -> float | None:
        if frame.pts is None or frame.time_base is None or self._guesses_times():
            self.reached_s += duration_s(frame)
            return None
        time_s = float(frame.pts * frame.time_base) - self._zero_s
        if self._priming_s is None:
            skipped_s = time_s - max(self._first_packet_s or 0.0, 0.0)
            self._priming_s = skipped_s if 0 < skipped_s <= MAX_PRIMING_S else 0.0
        self.reached_s = time_s + duration_s(frame)
        return time_s - self._priming_s

    def _guesses_times(self) -> bool:
        """Of Vorbis in Ogg, FFmpeg works out where a page begins from where it ends, and may be
        wrong by seconds; the codec leaves nothing out."""
        return self._kind == "ogg" and self.stream.codec_context.name == "vorbis"

    def _constant_bit_rate(self) -> int | None:
        context = self.stream.codec_context
        return context.bit_rate if context.name.startswith("pcm_") else None

    def _goes_on_as_another_track(self) -> bool:
        """Where the track of a broadcast ends long before the file, open what it goes on as."""
        if self._kind not in formats.STARTS_ANYWHERE or not self._last_packet_at:
            return False
        rest = self._section.part(self._last_packet_at)
        if rest.size < MIN_REST_BYTES:
            return False
        try:
            container, found = opened(rest, None, left_out={self.stream.id})
        except BadMedia:
            return False
        self._container.close()
        self._section, self._container, self.stream = rest, container, only(found[0])
        self._last_packet_at = None
        self.gave_up = False
        return True


class Readable(Protocol):
    """What FFmpeg reads; a `Section` can be searched, too."""

    def read(self, n_bytes: int, /) -> bytes: ...


def opened(
    file: Readable,
    wanted: str | None,
    left_out: Collection[int] = (),
    probing: Mapping[str, str] = {},  # nobody writes to it
) -> tuple[InputContainer, list[AudioStream]]:
    """The container, and its tracks that may be read."""
    options = {
        "format_whitelist": ",".join(formats.CONTAINERS),
        "protocol_whitelist": "none",
        **probing,
    }
    try:
        container = av.open(file, mode="r", options=options, metadata_errors="ignore")
    except MemoryError:  # FFmpeg's, too
        raise
    except av.FFmpegError as exc:
        raise undecodable() from exc
    try:
        return container, tracks.candidates(container, wanted, left_out)
    except BaseException:
        container.close()
        raise


def only(stream: AudioStream) -> AudioStream:
    """The stream, as the only one that is read."""
    stream.codec_context.thread_count = 1
    for other in stream.container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def _zero_s(container: InputContainer) -> float:
    """The container's time that a player shows as 0.

    Files count from 0, and a track may begin later. What was cut from a broadcast or a live stream
    counts from somewhere: its first track begins the recording. Those are told apart by the
    header, which gives a file's length from 0.
    """
    starts_s = [
        float(each.start_time * each.time_base)
        for each in container.streams
        if each.type in ("audio", "video")
        and each.start_time is not None
        and each.time_base is not None
        and not each.disposition & Disposition.attached_pic
    ]
    first_s = min(starts_s, default=0.0)
    is_within = 0 <= first_s < _length_s(container)
    return 0.0 if is_within and not _is_loose(container) else first_s


def _is_loose(container: InputContainer) -> bool:
    """Whether the clock may begin anywhere, and become another one."""
    flags = container.format.flags
    return bool(flags & _AVFMT_TS_DISCONT) or _kind(container) in formats.STREAMED


def _length_s(of: InputContainer | AudioStream) -> float:
    """As its header has it, 0 for unknown."""
    unit = Fraction(1, av.time_base) if isinstance(of, InputContainer) else of.time_base
    return float(of.duration * unit) if of.duration and unit else 0.0


def _tagged_s(stream: AudioStream) -> float:
    """As its tag has it, 0 for unknown: Matroska's header knows the longest track alone."""
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return 0.0


def _kind(container: InputContainer) -> str:
    """The demuxer, as `formats` calls it: FFmpeg's names list what else it reads."""
    return container.format.name.partition(",")[0]
