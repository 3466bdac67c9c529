"""The recordings a load is made of: a folder with references, or plain files.

Knows nothing about servers or scores. A folder holds ``refs.jsonl``: one object a line with
``file``, ``language`` (a code), ``text`` and ``duration_s``, and perhaps ``speaker``.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import msgspec

from auricle.errors import AuricleError
from auricle.speakers.turns import NamedTurn
from auricle_bench.speaker_references import SpeakerLine

REFERENCES = "refs.jsonl"


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording. ``language`` and ``text`` are None when nobody wrote down what is said."""

    path: Path
    duration_s: float
    language: str | None = None
    text: str | None = None
    speaker: str | None = None
    turns: tuple[NamedTurn, ...] = ()
    """Who speaks when, where somebody wrote it down."""
    said: tuple[SpeakerLine, ...] = ()
    """``text`` by speaker, where it names them."""


class _Row(msgspec.Struct, frozen=True):
    """A line of ``refs.jsonl``; other keys are ignored."""

    file: str
    language: str
    text: str
    duration_s: float
    speaker: str | None = None


def read_corpus(folder: Path, languages: Collection[str] = ()) -> list[Clip]:
    """The clips of a folder in the order of its list, all or those in some languages.

    Raises:
        AuricleError: no list, a line that lacks something, a file that is not there, no clips.
    """
    listed = folder / REFERENCES
    try:
        lines = listed.read_bytes().splitlines()
    except OSError as exc:
        raise AuricleError(f"cannot read {listed}: {exc.strerror}") from exc
    clips = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=_Row)
        except msgspec.DecodeError as exc:
            raise AuricleError(f"{listed}, line {number}: {exc}") from exc
        path = folder / row.file
        if not path.is_file():
            raise AuricleError(f"{listed}, line {number}: there is no {row.file}")
        if not languages or row.language in languages:
            clips.append(Clip(path, row.duration_s, row.language, row.text, row.speaker))
    if not clips:
        raise AuricleError(f"{listed} lists no clips" + (" in these languages" * bool(languages)))
    return clips


def from_files(paths: Sequence[Path]) -> list[Clip]:
    """Clips without references; how long they are is read from the files.

    Raises:
        AuricleError: a file is missing or not audio.
    """
    return [Clip(path, duration_of(path)) for path in paths]


def shuffled(clips: Sequence[Clip], seed: int) -> Iterator[Clip]:
    """Every clip once in random order, then again in another, without end; the same for a seed."""
    source = random.Random(seed)
    while clips:
        yield from source.sample(clips, len(clips))


def duration_of(path: Path) -> float:
    """Seconds of audio, from the header where it says so."""
    try:
        with av.open(str(path)) as media:
            if not media.streams.audio:
                raise AuricleError(f"{path} has no audio in it")
            if media.duration is not None:
                return float(media.duration / av.time_base)
            return float(sum(frame.samples / frame.sample_rate for frame in media.decode(audio=0)))
    except (OSError, av.FFmpegError) as exc:
        raise AuricleError(f"{path} is not audio: {exc.strerror}") from exc
