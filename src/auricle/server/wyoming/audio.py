"""The audio of a Wyoming command: samples of any width → 16 kHz mono.

Knows nothing about connections or text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from auricle.errors import InvalidRequest
from auricle.live.pcm import MAX_CHANNELS, MAX_RATE, MIN_RATE, Encoding, PcmFormat, PcmReader
from auricle.server.wyoming.wire import Data
from auricle.types import Pcm

MAX_WIDTH: Final = 4


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """``width`` is in bytes: 1 is unsigned, the others are signed, the lowest byte first."""

    rate: int
    width: int
    channels: int

    def __str__(self) -> str:
        return f"{self.rate} Hz, {self.width} bytes, {self.channels} channels"

    @classmethod
    def of(cls, kind: str, data: Data) -> AudioFormat:
        """The format that an event of this kind says. Raises `InvalidRequest`."""
        return cls(
            _number(kind, "rate", data, MIN_RATE, MAX_RATE),
            _number(kind, "width", data, 1, MAX_WIDTH),
            _number(kind, "channels", data, 1, MAX_CHANNELS),
        )


class AudioReader:
    """Reads the chunks of one command."""

    def __init__(self, form: AudioFormat) -> None:
        self.form = form
        self._cut = b""
        encoding: Encoding = "s16le" if form.width == 2 else "f32le"
        self._reader = PcmReader(PcmFormat(encoding, form.rate, form.channels))

    def push(self, data: bytes) -> Pcm:
        """The samples that ``data`` completes; channels are mixed."""
        if self.form.width != 2:
            data = self._cut + data
            n_bytes = len(data) - len(data) % self.form.width
            data, self._cut = _as_f32(data[:n_bytes], self.form.width), data[n_bytes:]
        return np.asarray(self._reader.push(data).mean(axis=0), np.float32)

    def finish(self) -> Pcm:
        """What the resampler still holds."""
        return np.asarray(self._reader.finish().mean(axis=0), np.float32)


def _as_f32(data: bytes, width: int) -> bytes:
    """Whole samples as float32."""
    if width == 1:
        samples = np.frombuffer(data, "u1").astype(np.float32) / np.float32(128) - 1
        return samples.astype("<f4").tobytes()
    padded = np.zeros((len(data) // width, 4), np.uint8)
    padded[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    samples = padded.reshape(-1).view("<i4").astype(np.float32) / np.float32(2**31)
    return samples.astype("<f4").tobytes()


def _number(kind: str, name: str, data: Data, low: int, high: int) -> int:
    value = data.get(name)
    if type(value) is not int or not low <= value <= high:
        raise InvalidRequest(
            f"{kind}: '{name}' is {value!r}; it must be a whole number from {low} to {high}.",
            param=name,
        )
    return value
