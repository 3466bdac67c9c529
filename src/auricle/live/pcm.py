"""Raw audio off a wire → mono channels of float32 PCM at 16 kHz, in pieces of any size.

Knows nothing about sessions, containers or sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from auricle.types import SAMPLE_RATE

MIN_RATE = 8_000
MAX_RATE = 48_000
MAX_CHANNELS = 20

Encoding = Literal["s16le", "f32le", "mulaw", "alaw"]

Channels = NDArray[np.float32]
"""``(n_channels, n_samples) float32`` in [-1, 1] at 16 kHz."""


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """How samples are written: channels are interleaved, 8 to 48 kHz."""

    encoding: Encoding = "s16le"
    rate: int = SAMPLE_RATE
    n_channels: int = 1

    @property
    def bytes_per_frame(self) -> int:
        """Bytes of one sample of every channel."""
        return _DTYPES[self.encoding].itemsize * self.n_channels


class PcmReader:
    """Reads one stream. A frame cut in two by the sender is put together again.

    Times of the output are times of the input: the resampler's delay of some 30 ms (80 ms from
    8 kHz) holds samples back, it does not move them.
    """

    def __init__(self, form: PcmFormat) -> None:
        assert MIN_RATE <= form.rate <= MAX_RATE
        assert 1 <= form.n_channels <= MAX_CHANNELS
        self.form = form
        self._cut = b""
        self._resample = None
        if form.rate != SAMPLE_RATE:
            self._resample = soxr.ResampleStream(
                form.rate, SAMPLE_RATE, form.n_channels, dtype="float32", quality="HQ"
            )

    def push(self, data: bytes) -> Channels:
        """The samples that ``data`` completes."""
        data = self._cut + data if self._cut else data
        n_bytes = len(data) - len(data) % self.form.bytes_per_frame
        self._cut = data[n_bytes:]
        raw = np.frombuffer(data, _DTYPES[self.form.encoding], n_bytes // self._item_size)
        samples = _TO_FLOAT[self.form.encoding](raw).reshape(-1, self.form.n_channels)
        return self._resampled(samples, is_last=False)

    def finish(self) -> Channels:
        """What the resampler still holds. Part of a frame at the end of a stream is no sample."""
        return self._resampled(np.zeros((0, self.form.n_channels), np.float32), is_last=True)

    @property
    def _item_size(self) -> int:
        return _DTYPES[self.form.encoding].itemsize

    def _resampled(self, frames: NDArray[np.float32], *, is_last: bool) -> Channels:
        if self._resample is not None:
            frames = self._resample.resample_chunk(frames, last=is_last)
        return np.clip(frames.T, -1.0, 1.0)


def _from_s16(raw: NDArray[np.int16]) -> NDArray[np.float32]:
    return raw.astype(np.float32) / np.float32(32768)


def _from_f32(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.nan_to_num(raw, nan=0.0, posinf=1.0, neginf=-1.0).astype(np.float32)


def _mulaw_levels() -> NDArray[np.float32]:
    """What each byte stands for in µ-law, ITU-T G.711 table 2: stored inverted, a sign, three bits
    of exponent, four of mantissa."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = ((mantissa.astype(np.int32) << 3) + 132 << exponent) - 132
    return _signed(magnitude, is_negative=code >= 128)


def _alaw_levels() -> NDArray[np.float32]:
    """What each byte stands for in A-law, ITU-T G.711 table 1: every other bit is inverted."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    linear = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, linear, linear + 256 << np.maximum(exponent, 1) - 1)
    return _signed(magnitude, is_negative=code < 128)


def _signed(magnitude: NDArray[np.int32], is_negative: NDArray[np.bool_]) -> NDArray[np.float32]:
    return (np.where(is_negative, -magnitude, magnitude) / 32768).astype(np.float32)


_MULAW = _mulaw_levels()
_ALAW = _alaw_levels()

_DTYPES: Mapping[Encoding, np.dtype[np.generic]] = {
    "s16le": np.dtype("<i2"),
    "f32le": np.dtype("<f4"),
    "mulaw": np.dtype("u1"),
    "alaw": np.dtype("u1"),
}

_TO_FLOAT: Mapping[Encoding, Callable[..., NDArray[np.float32]]] = {
    "s16le": _from_s16,
    "f32le": _from_f32,
    "mulaw": lambda raw: _MULAW[raw],
    "alaw": lambda raw: _ALAW[raw],
}
