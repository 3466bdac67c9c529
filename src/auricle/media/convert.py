"""Decoded frames of any sample format, rate and channel layout → mono PCM at 16 kHz.

Knows nothing about files, containers or limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from auricle.media.mixing import Mixer, Picker
from auricle.types import SAMPLE_RATE, Pcm

RESAMPLER = f"{SAMPLE_RATE}:filter_size=64:cutoff=0.97"
"""The default filter of 32 taps leaves aliases at -22 dB; 64 taps bring them to -65 dB."""


BLOCK_S = 1.0
"""Frames are gathered into blocks so long, so that what is done in Python costs little per second
of audio."""


class Converter:
    """Converts the frames of one format: all channels mixed, or one of them. Where somebody waits
    for the audio, blocks are shorter."""

    def __init__(
        self, like: AudioFrame, channel: int | None = None, block_s: float = BLOCK_S
    ) -> None:
        self.format = frame_format(like)
        self._rate = rate = like.sample_rate
        self._n_block = round(rate * block_s)
        self._n_gathered = 0
        layout = [each.name for each in like.layout.channels]
        self._mixer = Mixer(layout, rate) if channel is None else Picker(channel)
        self._gather = _graph(
            ("abuffer", _source(rate, like.format.name, like.layout.name)),
            ("aformat", "sample_fmts=flt"),  # packed: PyAV 18 misreads 8 and more planes
            ("asetnsamples", f"n={self._n_block}:p=0"),
        )
        self._resample = None
        if rate != SAMPLE_RATE:
            self._resample = _graph(
                ("abuffer", _source(rate, "flt", "mono")), ("aresample", RESAMPLER)
            )

    def push(self, frame: AudioFrame) -> Iterator[Pcm]:
        """Take one frame; give the blocks ``(n_samples,)`` that are complete."""
        frame.pts = None  # times in damaged files are wrong; samples are counted instead
        self._gather.push(frame)
        self._n_gathered += frame.samples
        if self._n_gathered >= self._n_block:  # asking before there is a block costs an exception
            self._n_gathered %= self._n_block
            yield from self._converted()

    def finish(self) -> Iterator[Pcm]:
        """Give what is left in the filters. Nothing may be pushed afterwards."""
        self._gather.push(None)
        yield from self._converted()
        if self._resample is not None:
            self._resample.push(None)
            yield from map(_resampled, _pulled(self._resample))

    def _converted(self) -> Iterator[Pcm]:
        for block in _pulled(self._gather):
            mono = self._mixer.mix(_samples(block).reshape(-1, block.layout.nb_channels))
            if self._resample is None:
                yield mono
                continue
            frame = AudioFrame.from_ndarray(mono[None], format="flt", layout="mono")
            frame.sample_rate = self._rate
            self._resample.push(frame)
            yield from map(_resampled, _pulled(self._resample))


def frame_format(frame: AudioFrame) -> tuple[str, str, int, int]:
    """What a converter is made for: sample format, layout, number of channels, sample rate."""
    return frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate


def _samples(frame: AudioFrame) -> Pcm:
    """The one plane of a packed float frame, channels interleaved."""
    samples: Pcm = frame.to_ndarray()[0].astype(np.float32, copy=False)
    return samples


def _resampled(frame: AudioFrame) -> Pcm:
    """As `_samples`; the resampler's filter overshoots a little where the audio is loudest."""
    return np.clip(_samples(frame), -1, 1)


def _source(rate: int, sample_format: str, layout: str) -> str:
    return (
        f"sample_rate={rate}:sample_fmt={sample_format}:time_base={Fraction(1, rate)}"
        f":channel_layout={layout}"
    )


def _graph(*filters: tuple[str, str]) -> Graph:
    graph = Graph()
    graph.threads = 1  # the default is a pool with one for every core
    graph.link_nodes(*(graph.add(*each) for each in filters), graph.add("abuffersink")).configure()
    return graph


def _pulled(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, AudioFrame)
        yield frame
