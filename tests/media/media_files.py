"""Media files of every kind, made from ``samples/jfk.wav`` when a test asks for them."""

from __future__ import annotations

import functools
import io
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from auricle.types import Pcm

JFK = Path(__file__).parent.parent.parent / "samples/jfk.wav"


@dataclass(frozen=True)
class Format:
    """A container, a codec and the audio's shape."""

    muxer: str
    codec: str
    rate: int = 16_000
    layout: str = "mono"
    video: str | None = None
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        shape = f"{self.muxer}-{self.codec}-{self.rate}-{self.layout}".replace(" ", "_")
        return f"{shape}-with-video" if self.video else shape


FORMATS = (
    Format("wav", "pcm_s16le"),
    Format("wav", "pcm_u8", 8_000),
    Format("wav", "pcm_s24le", 44_100, "stereo"),
    Format("wav", "pcm_s32le", 11_025),
    Format("wav", "pcm_f32le", 48_000, "5.1"),
    Format("wav", "pcm_f64le", 192_000),
    Format("wav", "pcm_mulaw", 8_000),
    Format("wav", "pcm_s16le", 16_000, "12 channels"),
    Format("wav", "adpcm_ms", 22_050),
    Format("w64", "pcm_s16le", 16_000, "stereo"),
    Format("mp3", "libmp3lame", 44_100, "stereo"),
    Format("mp3", "libmp3lame", 8_000),
    Format("mp2", "mp2", 32_000),
    Format("ipod", "aac", 44_100, "stereo"),
    Format("ipod", "aac", 48_000, "7.1"),
    Format("ipod", "alac", 44_100),
    Format("mp4", "aac", 24_000, video="mpeg4"),
    Format("mov", "pcm_s16be", 48_000, "stereo", video="mpeg4"),
    Format("flac", "flac", 96_000, "stereo"),
    Format("flac", "flac", 16_000, "7.1"),
    Format("ogg", "libopus", 48_000),
    Format("ogg", "vorbis", 44_100, "stereo", options=(("strict", "-2"),)),
    Format("webm", "libopus", 48_000, "stereo"),
    Format("matroska", "aac", 32_000, video="mpeg4"),
    Format("adts", "aac", 22_050),
    Format("amr", "libopencore_amrnb", 8_000),
    Format("3gp", "libopencore_amrnb", 8_000),
    Format("aiff", "pcm_s16be", 44_100),
    Format("caf", "pcm_s16be", 44_100),
    Format("au", "pcm_s16be", 8_000),
    Format("asf", "wmav2", 44_100),
    Format("ac3", "ac3", 48_000, "5.1"),
    Format("eac3", "eac3", 48_000),
    Format("avi", "libmp3lame", 44_100, video="mpeg4"),
    Format("mpegts", "aac", 48_000, "stereo", video="mpeg2video"),
    Format("flv", "aac", 44_100),
    Format("wv", "wavpack", 44_100),
    Format("tta", "tta", 44_100),
)


def jfk(seconds: float = 11.0) -> Pcm:
    """The start of the sample; its first words begin at 0.3 s."""
    with wave.open(str(JFK)) as file:
        stored = np.frombuffer(file.readframes(int(seconds * 16_000)), "<i2")
    return stored.astype(np.float32) / np.float32(32768)


@dataclass(frozen=True)
class Track:
    """One of several tracks of a file."""

    pcm: Pcm
    language: str = ""
    disposition: int = 0


@functools.cache
def sample(form: Format, seconds: float = 11.0) -> bytes:
    """The start of the sample, encoded as ``form``."""
    return encoded(form, jfk(seconds))


def encoded(form: Format, pcm: Pcm, shift: Callable[[float], float] = lambda _: 0.0) -> bytes:
    """``(n_samples,)`` or ``(n_channels, n_samples)`` at 16 kHz, encoded as ``form``.

    One channel is copied to all the channels that ``form`` has. ``shift`` says by how much the
    container's clock is off at a second of the audio.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=form.muxer) as container:
        audio = container.add_stream(form.codec, rate=form.rate, options=dict(form.options))
        assert isinstance(audio, AudioStream)
        audio.layout = form.layout
        if form.codec == "wmav2":
            audio.bit_rate = 64_000  # it has no default
        if form.video:
            _add_video(container, form.video, n_frames=int(pcm.shape[-1] / 16_000 * 25))
        _add_audio(container, audio, form, pcm, shift)
    return file.getvalue()


def with_tracks(form: Format, tracks: Sequence[Track]) -> bytes:
    """A file with several audio tracks, each encoded as ``form``."""
    file = io.BytesIO()
    with av.open(file, "w", format=form.muxer) as container:
        streams = []
        for track in tracks:
            stream = container.add_stream(form.codec, rate=form.rate)
            assert isinstance(stream, AudioStream)
            stream.layout = form.layout
            stream.disposition = Disposition(track.disposition)
            if track.language:
                stream.metadata["language"] = track.language
            streams.append(stream)
        for stream, track in zip(streams, tracks, strict=True):
            if len(track.pcm):
                _add_audio(container, stream, form, track.pcm, lambda _: 0.0)
    return file.getvalue()


def _add_audio(
    container: OutputContainer,
    audio: AudioStream,
    form: Format,
    pcm: Pcm,
    shift: Callable[[float], float],
) -> None:
    source = np.atleast_2d(pcm)
    n_channels = audio.layout.nb_channels
    channels = source if len(source) == n_channels else np.repeat(source, n_channels, axis=0)
    to_codec = av.AudioResampler(
        format=audio.format.name,
        layout=form.layout,
        rate=form.rate,
        frame_size=audio.frame_size or 1024,
    )
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(channels.T, np.float32).reshape(1, -1), "flt", form.layout
    )
    frame.sample_rate = 16_000
    n_samples = 0
    for converted in [*to_codec.resample(frame), *to_codec.resample(None)]:
        converted.pts, converted.time_base = n_samples, Fraction(1, form.rate)
        n_samples += converted.samples
        container.mux(_shifted(audio.encode(converted), shift))
    container.mux(_shifted(audio.encode(None), shift))


def _shifted(
    packets: list[Packet[AudioStream]], shift: Callable[[float], float]
) -> list[Packet[AudioStream]]:
    for packet in packets:
        if packet.pts is not None and (by_s := shift(float(packet.pts * packet.time_base))):
            packet.pts += round(by_s / packet.time_base)
            packet.dts = packet.pts
    return packets


def _add_video(container: OutputContainer, codec: str, n_frames: int) -> None:
    quick = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {}
    stream = container.add_stream(codec, rate=25, options=quick)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for i in range(n_frames):
        grey = np.full((48, 64, 3), i % 256, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
    container.mux(stream.encode(None))


def video_only() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        _add_video(container, "mpeg4", 10)
    return file.getvalue()
