"""Opus packets without a container become a stream that decoders read."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from auricle.errors import BadMedia
from auricle.server.dialects.deepgram.opus_packets import OggOpus

RATE = 48_000
SECONDS = 0.6


def packets(frame_ms: str, layout: str = "mono") -> list[bytes]:
    """A tone, encoded."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.format, encoder.options = RATE, "s16", {"frame_duration": frame_ms}
    encoder.layout = layout
    encoder.open()
    found: list[bytes] = []
    size, width = encoder.frame_size, 2 if layout == "stereo" else 1
    for first in range(0, round(SECONDS * RATE), size):
        tone = 8000 * np.sin(np.arange(first, first + size) / 20)
        pcm = np.repeat(tone.astype(np.int16), width).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE, first
        found += map(bytes, encoder.encode(frame))
    return found


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("frame_ms", ["2.5", "20", "60", "120"])
def test_a_decoder_reads_what_was_encoded(frame_ms: str, layout: str) -> None:
    sent = packets(frame_ms, layout)
    ogg = OggOpus(2 if layout == "stereo" else 1)
    with av.open(io.BytesIO(b"".join(map(ogg.add, sent))), "r") as opened:
        frames = list(opened.decode(audio=0))
    assert sum(frame.samples for frame in frames) == len(sent) * float(frame_ms) * RATE / 1000
    assert frames[0].layout.name == layout
    loudest = max(np.abs(frame.to_ndarray()).max() for frame in frames)
    assert loudest == pytest.approx(8000 / 32768, rel=0.3)


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x03", b"\x03\x00", b"\x1b\x3f" + bytes(99), b"\x08" + bytes(70_000)],
    ids=["nothing", "half a head", "no frames", "more than 120 ms", "more than a page"],
)
def test_what_is_no_packet(packet: bytes) -> None:
    with pytest.raises(BadMedia, match=f"A message of {len(packet)} bytes is no Opus packet"):
        OggOpus(1).add(packet)


def test_pages_have_the_checksum_that_ogg_wants() -> None:
    """Computed bit by bit as RFC 3533 has it: 0x04C11DB7, from 0 on, of a page with zeros there."""
    page = OggOpus(1).add(b"\x08" + bytes(range(200)))[-229:]
    value = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value & 0x80000000 else 0)
    assert page[:4] == b"OggS"
    assert page[22:26] == value.to_bytes(4, "little")
