"""What the decoder pool and its child processes say to each other.

Knows nothing about either: both import this, so that the server never loads the media library.

The parent pulls: one `Open`, then `Next` until a chunk is last, then `Close`. A child decodes only
when it is asked, so a slow reader holds it back and its memory stays the same for any recording.
While it works on an answer it announces about once a second that it is `Alive`.

The file itself comes over a socket, as an open descriptor, where the system has such sockets
(`FILES_FD` names it): a child need not, and after its start cannot, open files.
"""

from __future__ import annotations

import msgspec

from auricle.types import AudioTrack

CHUNK_SAMPLES = 937 * 512
"""Samples in every chunk but the last: just under 30 s, and a whole number of VAD frames."""

FILES_FD = "AURICLE_FILES_FD"
"""The variable in a child's environment with the number of the socket that files come over."""

MEMORY_MIB = "AURICLE_MEMORY_MIB"
"""The variable with the memory it may take."""


class Open(msgspec.Struct, frozen=True, tag=True):
    """Start reading the file that was sent, or else the one at ``path``; answered with `Opened`."""

    path: bytes
    """As `os.fsencode` gives it: names of files need not be UTF-8."""
    max_audio_s: float
    max_cpu_s: float
    audio_track: str | None = None
    """A number, from 1, or a language; None: the best."""
    audio_channel: int | None = None
    """Which channel of the track, from 0; None: all of them mixed."""
    finds_speech: bool = True
    """Whether chunks say where somebody speaks, which takes longer than to decode most formats."""
    is_stream: bool = False
    """What was sent is the end of a pipe, which is read as it fills: chunks are short, and nothing
    says where anybody speaks."""
    n_given: int = 0
    """Chunks that another child has given before it died: they are read, but not given again."""


class Next(msgspec.Struct, frozen=True, tag=True):
    """Decode some more; answered with `Chunk`. Not allowed after the last chunk."""


class Close(msgspec.Struct, frozen=True, tag=True):
    """Forget the open recording, if there is one; answered with `Closed`."""


class Opened(msgspec.Struct, frozen=True, tag=True):
    """The file is a container we read and holds an audio track we can decode."""

    track: AudioTrack
    """The one that will be read, unless it turns out to be empty."""
    declared_s: float | None = None
    """The length that the file claims for itself, for planning only; None when it claims none."""


class Ending(msgspec.Struct, frozen=True):
    """What is known once everything was read."""

    track: AudioTrack
    warnings: tuple[str, ...]
    """What of the recording could not be read, in words."""


class Chunk(msgspec.Struct, frozen=True, tag=True):
    """The next stretch of audio."""

    pcm: bytes
    """``(n_samples,) float32`` little-endian, 16 kHz mono."""
    speech: bytes
    """Speech probability per 512 samples, ``(ceil(n_samples / 512),) float32``; empty where it is
    not asked for."""
    ending: Ending | None = None
    """With the last one."""


class Closed(msgspec.Struct, frozen=True, tag=True):
    """The child is ready for another `Open`."""


class Alive(msgspec.Struct, frozen=True, tag=True):
    """Announced: the child gets on with its work."""


Request = Open | Next | Close
Reply = Opened | Chunk | Closed | Alive
