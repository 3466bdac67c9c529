"""Opus packets as telephones and bots send them, one a message, put into Ogg (RFC 7845), which is
decoded as any other container.

Knows nothing about sockets or decoders.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from auricle.errors import BadMedia

MAX_CHANNELS: Final = 2

_RATE: Final = 48_000
"""Ogg counts Opus in samples of this rate, whatever was encoded."""

_MAX_SAMPLES: Final = _RATE * 120 // 1000
_MAX_BYTES: Final = 255 * 255 - 1
"""What a packet may last, and what one page holds."""

_BEGINS: Final = 2
_SERIAL: Final = 1


class OggOpus:
    """Makes a stream of packets; every call returns the bytes to append to it."""

    def __init__(self, n_channels: int) -> None:
        self._n_channels = n_channels
        self._n_pages = 0
        self._n_samples = 0

    def add(self, packet: bytes) -> bytes:
        """One packet more; before the first, the stream's head.

        Raises:
            BadMedia: it is no packet.
        """
        n_samples = _n_samples(packet)
        if not 0 < n_samples <= _MAX_SAMPLES or len(packet) > _MAX_BYTES:
            raise BadMedia(
                f"A message of {len(packet)} bytes is no Opus packet: with encoding=opus each "
                "message is one; Opus in Ogg or WebM comes without 'encoding'."
            )
        head = b"" if self._n_pages else self._head()
        self._n_samples += n_samples
        return head + self._page(packet, 0)

    def _head(self) -> bytes:
        described = struct.pack("<8sBBHIhB", b"OpusHead", 1, self._n_channels, 0, _RATE, 0, 0)
        comments = struct.pack("<8sII", b"OpusTags", 0, 0)
        return self._page(described, _BEGINS) + self._page(comments, 0)

    def _page(self, packet: bytes, flags: int) -> bytes:
        lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
        head = struct.pack(
            "<4sBBqIIIB",
            b"OggS",
            0,
            flags,
            self._n_samples,
            _SERIAL,
            self._n_pages,
            0,
            len(lacing),
        )
        page = head + lacing + packet
        self._n_pages += 1
        return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _n_samples(packet: bytes) -> int:
    """How long it lasts, by its first bytes (RFC 6716, 3.1); 0 of what is none."""
    if not packet:
        return 0
    mode, code = packet[0] >> 3, packet[0] & 3
    if code == 3 and len(packet) < 2:
        return 0
    n_frames = (1, 2, 2, packet[1] & 63 if code == 3 else 0)[code]
    if mode < 12:
        frame_ms = (10.0, 20.0, 40.0, 60.0)[mode & 3]
    elif mode < 16:
        frame_ms = (10.0, 20.0)[mode & 1]
    else:
        frame_ms = (2.5, 5.0, 10.0, 20.0)[mode & 3]
    return round(n_frames * frame_ms * _RATE / 1000)


_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _checksum(page: bytes) -> int:
    """Ogg's: zlib's with all bits mirrored, from 0 on, and not inverted. A loop over the bytes
    would take the event loop 11 ms of the longest packet."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
