"""What the decoder pool and its child processes say to each other.

Knows nothing about either: both import this, so that the server never loads the media library.

The parent pulls: one `Open`, then `Next` until a chunk is last, then `Close`. A child decodes only
when it is asked, so a slow reader holds it back and its memory stays the same for any recording.
"""

from __future__ import annotations

import msgspec

CHUNK_SAMPLES = 937 * 512
"""Samples in every chunk but the last: just under 30 s, and a whole number of VAD frames."""


class Open(msgspec.Struct, frozen=True, tag=True):
    """Start reading the file at ``path``; answered with `Opened`."""

    path: bytes
    """As `os.fsencode` gives it: names of files need not be UTF-8."""
    max_audio_s: float
    max_cpu_s: float


class Next(msgspec.Struct, frozen=True, tag=True):
    """Decode some more; answered with `Chunk`. Not allowed after the last chunk."""


class Close(msgspec.Struct, frozen=True, tag=True):
    """Forget the open recording, if there is one; answered with `Closed`."""


class Opened(msgspec.Struct, frozen=True, tag=True):
    """The file is a container we read and holds an audio track we can decode."""

    declared_s: float | None = None
    """The length that the file claims for itself, for planning only; None when it claims none."""


class Chunk(msgspec.Struct, frozen=True, tag=True):
    """The next stretch of audio."""

    pcm: bytes
    """``(n_samples,) float32`` little-endian, 16 kHz mono."""
    speech: bytes
    """Speech probability per 512 samples, ``(ceil(n_samples / 512),) float32``."""
    is_last: bool


class Closed(msgspec.Struct, frozen=True, tag=True):
    """The child is ready for another `Open`."""


Request = Open | Next | Close
