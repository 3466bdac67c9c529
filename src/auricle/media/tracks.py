"""Which of a file's audio tracks is read.

Knows nothing about decoding: a track is chosen by what the container says of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from auricle.errors import BadMedia
from auricle.media.limits import bad_file, undecodable
from auricle.types import AudioTrack
from auricle.whisper import languages

_FOR_SOME = (
    Disposition.comment
    | Disposition.clean_effects
    | Disposition.dependent
    | Disposition.descriptions
    | Disposition.hearing_impaired
    | Disposition.karaoke
    | Disposition.visual_impaired
)
"""What a track is besides the sound of the film itself."""


_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
"""RFC 5646, as far as anybody uses it; a file may say anything."""


def candidates(
    container: InputContainer, wanted: str | None, left_out: Collection[int] = ()
) -> list[AudioStream]:
    """The tracks to try, best first: those that somebody asked for by number or language, or else
    all whose codec is known; never those whose id is in ``left_out``.

    Raises:
        BadMedia: there is no such track, or none whose codec is known.
    """
    tracks = [each for each in audio_tracks(container) if each.id not in left_out]
    if not tracks:
        kinds = sorted({each.type for each in container.streams})
        found = f"; it has {' and '.join(kinds)}" if kinds else ""
        raise bad_file(f"The file has no audio track{found}.")
    if wanted is not None:
        tracks = list(_asked_for(tracks, wanted))
        if not tracks:
            raise _no_such(container, wanted)
    known = [each for each in tracks if each.codec_context is not None]
    if not known:
        raise undecodable()
    best = _best_index(container)
    return sorted(known, key=lambda each: (*_rank(each), each.index != best, each.index))


def audio_tracks(container: InputContainer) -> list[AudioStream]:
    """In the order of the file."""
    return [each for each in container.streams if isinstance(each, AudioStream)]


def described(container: InputContainer, stream: AudioStream) -> AudioTrack:
    tracks = audio_tracks(container)
    context = stream.codec_context
    n_channels = context.layout.nb_channels if context is not None else 0
    number = tracks.index(stream) + 1
    return AudioTrack(number, len(tracks), _language(stream), max(n_channels, 1))


def _asked_for(tracks: list[AudioStream], wanted: str) -> Iterator[AudioStream]:
    for number, track in enumerate(tracks, 1):
        if wanted.isdecimal():
            if number == int(wanted):
                yield track
        elif _language(track) == (languages.parse(wanted) or wanted.lower()):
            yield track


def _rank(stream: AudioStream) -> tuple[bool, bool]:
    return bool(stream.disposition & _FOR_SOME), not stream.disposition & Disposition.default


def _best_index(container: InputContainer) -> int | None:
    """FFmpeg's own choice, which knows where there are samples."""
    try:
        best = container.streams.best("audio")
    except IndexError:  # it appeared after the header, which PyAV does not follow
        return None
    return None if best is None else best.index


def _language(stream: AudioStream) -> str | None:
    """As Whisper names it, if it does."""
    tag = stream.language or ""
    if tag.lower() in ("und", "mul", "mis", "zxx") or not _LANGUAGE_TAG.fullmatch(tag):
        return None
    return languages.parse(tag) or tag.lower()


def _no_such(container: InputContainer, wanted: str) -> BadMedia:
    tracks = [described(container, each) for each in audio_tracks(container)]
    have = ", ".join(
        f"{each.number} ({languages.NAMES.get(each.language, each.language)})"
        if each.language
        else f"{each.number}"
        for each in tracks
    )
    return BadMedia(
        f"Invalid audio_track {wanted!r}: the file has {have}.",
        param="audio_track",
        code="invalid_value",
    )
