"""Where one file holds several recordings, one after the other.

Knows nothing about codecs. Ogg streams are chained like that on purpose; WAV, WebM and other files
are joined with ``cat``, or by recorders that start again into the same file. Demuxers read the
first part, and take the others for damage or for more of the same.

Why it is so: docs/decisions.md, Media.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

_HEADS = tuple(
    re.compile(head, re.DOTALL)
    for head in (
        rb"RIFF.{4}WAVE",
        rb"OggS\x00[\x02\x06]",
        rb"\x1a\x45\xdf\xa3.{1,60}?(?:matroska|webm)",
        rb"fLaC\x00\x00\x00\x22",
        rb"FORM.{4}AIF[FC]",
        rb"FLV\x01[\x01\x04\x05]\x00\x00\x00\x09",
        rb"caff\x00\x01\x00\x00desc",
        rb"TTA1[\x01-\x03]\x00",
        rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00",  # Wave64
        rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",  # ASF
    )
)
"""How files begin that can follow each other. A file is searched for the head it begins with."""

_OGG = _HEADS[1]

_LONGEST_HEAD = 128
_BLOCK = 1024 * 1024

STREAMED_BYTES = 2**31 - 2**16
"""A length from here on is what recorders write into a header to say "as much as fits"."""

MAX_SECTIONS = 1000
"""More of them are not looked for: the last one then reaches to the end of the file."""


class Section:
    """A part of a file, ``[start, stop)`` in bytes, to be read as a file of its own. Only one at a
    time may be in use.

    What lies outside is not there. A damaged header can ask for a place before the start: that is
    answered as FFmpeg does it, since PyAV would raise an exception at some later, other call.
    """

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file = file
        self.start = start
        self.stop = stop
        file.seek(start)

    @property
    def size(self) -> int:
        return self.stop - self.start

    def part(self, at: int) -> Section:
        """What begins ``at`` so many bytes."""
        return Section(self._file, self.start + at, self.stop)

    def read(self, n_bytes: int) -> bytes:
        return self._file.read(max(min(n_bytes, self.stop - self._file.tell()), 0))

    def tell(self) -> int:
        return self._file.tell() - self.start

    def seek(self, offset: int, whence: int) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.size}[whence]
        try:
            return self._file.seek(self.start + max(origin + offset, 0)) - self.start
        except (OSError, ValueError, OverflowError):
            return -1


def sections(file: BinaryIO) -> list[tuple[int, int]]:
    """The parts of a file, ``(start, stop)`` in bytes; nearly always one. Reads the whole file, if
    it is of a kind that may have several."""
    size = file.seek(0, os.SEEK_END)
    starts = [0, *_further(file, size)][:MAX_SECTIONS]
    return list(zip(starts, [*starts[1:], size], strict=True))


def _further(file: BinaryIO, size: int) -> Iterator[int]:
    file.seek(0)
    begin = file.read(_LONGEST_HEAD)
    if begin[4:8] == b"ftyp":
        yield from _mp4_starts(file, size)
    head = next((head for head in _HEADS if head.match(begin)), None)
    if head is None:
        return
    page_end = -1
    for start in _found(file, head, begin[:4]):
        if head is _OGG:
            # The first pages of one stream's tracks follow each other
            is_next_track = start == page_end
            page_end = _ogg_page_end(file, start)
            if is_next_track:
                continue
        if start:
            yield start


def _found(file: BinaryIO, head: re.Pattern[bytes], literal: bytes) -> Iterator[int]:
    """Where the head is in the file; it starts with ``literal``, which is found much faster."""
    at, kept, found_to = 0, b"", 0
    while block := _block(file, at):
        text = kept + block
        text_at = at - len(kept)
        i = text.find(literal)
        while i >= 0:
            if text_at + i >= found_to and head.match(text, i):
                found_to = text_at + i + 1
                yield text_at + i
            i = text.find(literal, i + 1)
        at += len(block)
        kept = text[-_LONGEST_HEAD:]


def _block(file: BinaryIO, at: int) -> bytes:
    file.seek(at)
    return file.read(_BLOCK)


def _ogg_page_end(file: BinaryIO, start: int) -> int:
    file.seek(start + 26)
    n_segments = (file.read(1) or b"\x00")[0]
    return start + 27 + n_segments + sum(file.read(n_segments))


def _mp4_starts(file: BinaryIO, size: int) -> Iterator[int]:
    """Where a file type box follows samples. An initialisation that is merely repeated, before
    each fragment of a live stream, begins a section, too: its clock goes on."""
    at, has_samples = 0, False
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        n_bytes, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if n_bytes == 1:
            n_bytes = int.from_bytes(head[8:16], "big")
        if kind == b"ftyp" and has_samples:
            yield at
            has_samples = False
        has_samples = has_samples or kind in (b"mdat", b"moof")
        if n_bytes < 8:
            return
        at += n_bytes


def riff_bytes(section: Section) -> int:
    """The length of a RIFF file by its header; 0 where the header was written by a recorder that
    did not know it yet."""
    at = section.tell()
    section.seek(0, os.SEEK_SET)
    n_bytes = int.from_bytes(section.read(8)[4:], "little") + 8
    section.seek(at, os.SEEK_SET)
    return n_bytes if n_bytes < STREAMED_BYTES else 0
