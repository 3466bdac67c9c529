"""How raw audio is written, by parameters and content type, and as a file's header.

Knows nothing about containers: what has a header of its own needs none of this.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from python_multipart.multipart import parse_options_header

from auricle.errors import InvalidRequest
from auricle.live.pcm import MAX_CHANNELS, MAX_RATE, MIN_RATE, Encoding
from auricle.server.dialects.deepgram import opus_packets
from auricle.server.dialects.deepgram.query import Query, refuse

_RAW: Final[Mapping[str, tuple[Encoding, int, int]]] = {
    "linear16": ("s16le", 1, 16),
    "linear32": ("f32le", 3, 32),
    "mulaw": ("mulaw", 7, 8),
    "alaw": ("alaw", 6, 8),
}
"""Encodings without a header: ours, and the format and bits of a sample in a WAV file."""

_FILES: Final = ("flac", "ogg-opus")
"""Encodings that have a header, so that the rest need not be said."""

_PACKETS: Final = "opus"
"""What comes packet by packet, one a message: a socket's, never a file's."""

_UNKNOWN_LENGTH: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class RawFormat:
    """Raw samples: channels are interleaved."""

    encoding: str
    rate: int
    n_channels: int

    @property
    def is_packets(self) -> bool:
        """Whether each message is a packet, not samples."""
        return self.encoding == _PACKETS

    @property
    def samples(self) -> Encoding:
        """What `live.pcm` calls it."""
        return _RAW[self.encoding][0]

    def wav_header(self) -> bytes:
        """What makes a file of them, of a length that is not said."""
        _, tag, bits = _RAW[self.encoding]
        frame = self.n_channels * bits // 8
        layout = struct.pack(
            "<HHIIHH", tag, self.n_channels, self.rate, self.rate * frame, frame, bits
        )
        return b"".join(
            (
                b"RIFF",
                struct.pack("<I", _UNKNOWN_LENGTH),
                b"WAVEfmt ",
                struct.pack("<I", len(layout)),
                layout,
                b"data",
                struct.pack("<I", _UNKNOWN_LENGTH),
            )
        )


def stream_format(query: Query) -> RawFormat | None:
    """How the audio of a socket is written; None where it says so itself. Raises what `raw_format`
    raises."""
    if (query.text("encoding") or "").lower() != _PACKETS:
        return raw_format(query, "", others=(_PACKETS,))
    rate = query.whole("sample_rate", MIN_RATE, MAX_RATE) or MAX_RATE
    return RawFormat(_PACKETS, rate, query.whole("channels", 1, opus_packets.MAX_CHANNELS) or 1)


def raw_format(query: Query, content_type: str, others: tuple[str, ...] = ()) -> RawFormat | None:
    """How the audio is written; None where it says so itself. Errors name ``others`` as well.

    Raises:
        InvalidRequest: an encoding nobody here decodes, or what belongs to it is missing.
    """
    kind, parameters = parse_options_header(content_type)
    stated = parameters if kind == b"audio/raw" else {}
    encoding = query.text("encoding") or stated.get(b"encoding", b"").decode("latin-1") or None
    if encoding is None or encoding.lower() in _FILES:
        return None
    if encoding.lower() not in _RAW:
        listed = ", ".join((*_RAW, *_FILES, *others))
        refuse("encoding", encoding, f"one of {listed}, or none for audio in a container")
    rate = query.whole("sample_rate", MIN_RATE, MAX_RATE)
    if rate is None and stated.get(b"rate", b"").isdigit():
        value = stated[b"rate"].decode()
        rate = Query([("sample_rate", value)]).whole("sample_rate", MIN_RATE, MAX_RATE)
    if rate is None:
        raise InvalidRequest(
            f"'encoding' of '{encoding}' needs a 'sample_rate' of {MIN_RATE} to {MAX_RATE}.",
            param="sample_rate",
            code="missing_required_parameter",
        )
    return RawFormat(encoding.lower(), rate, query.whole("channels", 1, MAX_CHANNELS) or 1)


def without_header(data: bytes) -> bytes:
    """The samples of what may begin as a WAV file although it was said to be raw."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return data
    at = data.find(b"data", 12)
    return data[at + 8 :] if at >= 0 else data
