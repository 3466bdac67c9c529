"""Which containers are read, by the names of FFmpeg's demuxers, and how such files are called.

Knows nothing about what is in them, and loads no library: the command line reads folders with it.
"""

from __future__ import annotations

SUFFIXES_OF: dict[str, tuple[str, ...]] = {
    "aac": ("aac", "adts"),
    "ac3": ("ac3",),
    "aiff": ("aif", "aifc", "aiff"),
    "amr": ("amr", "awb"),
    "asf": ("asf", "wma", "wmv"),
    "au": ("au", "snd"),
    "avi": ("avi", "divx"),
    "caf": ("caf",),
    "eac3": ("eac3", "ec3"),
    "flac": ("flac",),
    "flv": ("flv",),
    "loas": ("latm", "loas"),
    "matroska": ("mk3d", "mka", "mkv", "weba", "webm"),
    "mov": (
        *("3g2", "3ga", "3gp", "3gpp", "aax", "f4a", "f4v", "ism", "isma", "ismv", "m4a", "m4b"),
        *("m4r", "m4v", "mov", "mp4", "psp", "qt", "qta"),
    ),
    "mp3": ("m2a", "mp1", "mp2", "mp3", "mpa", "mpga"),
    "mpeg": ("m2p", "mpe", "mpeg", "mpg", "vob"),
    "mpegts": ("m2t", "m2ts", "mts", "trp", "ts"),
    "nistsphere": ("nist", "sph"),
    "ogg": ("oga", "ogg", "ogv", "ogx", "opus", "spx"),
    "tta": ("tta",),
    "w64": ("w64",),
    "wav": ("bwf", "rf64", "wav", "wave"),
    "wv": ("wv",),
}
"""Demuxers that read one file and nothing else: no playlists, no lists of other files."""

CONTAINERS = tuple(SUFFIXES_OF)
SUFFIXES = frozenset(suffix for suffixes in SUFFIXES_OF.values() for suffix in suffixes)

WITHOUT_LENGTH = frozenset({"aac", "ac3", "amr", "avi", "eac3", "loas", "mp3", "mpeg", "mpegts"})
"""Containers whose length is estimated from their bit rate or last bytes, or counts what is not
there: no reason to refuse one, nor to say that something is missing."""

DATED = frozenset({"asf", "flv", "matroska", "mov", "ogg"})
"""Containers that give each packet a time, so that their length is more than that of the audio
where packets are missing, and anything where a time is damaged."""

STREAMED = frozenset({"flv"})
"""Containers of live streams, besides those that FFmpeg knows as such: their clocks begin with
the stream, not with what was recorded of it."""

STARTS_ANYWHERE = frozenset({"mpegts"})
"""Containers that can be read from any byte on; their tracks may change on the way."""
