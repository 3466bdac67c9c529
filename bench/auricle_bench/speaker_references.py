"""Who says what in a recording, as somebody wrote it down: RTTM, or a text that names speakers.

Knows nothing about what was transcribed. A text names them if each of its lines is ``NAME``,
``START``, ``END`` and ``TEXT`` with tabs between them, times in seconds; or ``NAME: TEXT``, in two
lines at least.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auricle.errors import AuricleError, InvalidRequest
from auricle.speakers import rttm
from auricle.speakers.turns import NamedTurn

_TIMED = re.compile(r"(?P<name>[^\t]+)\t(?P<start>[\d.]+)\t(?P<end>[\d.]+)\t(?P<text>.*)")
_NAMED = re.compile(r"(?P<name>[^\s:][^:]{0,39}):\s+(?P<text>.+)")


@dataclass(frozen=True, slots=True)
class SpeakerLine:
    """What one speaker says."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A text that names its speakers; ``turns`` where it has times."""

    said: tuple[SpeakerLine, ...]
    turns: tuple[NamedTurn, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(each.text for each in self.said)


def spoken(text: str) -> SpokenText | None:
    """The speakers of a text; None for one that names none."""
    lines = [line.strip("\r\n") for line in text.splitlines() if line.strip()]
    timed = [_TIMED.fullmatch(line) for line in lines]
    if lines and all(timed):
        found = [match for match in timed if match]
        said = tuple(SpeakerLine(match["name"], match["text"].strip()) for match in found)
        turns = [NamedTurn(float(m["start"]), float(m["end"]), m["name"]) for m in found]
        return SpokenText(said, tuple(turns))
    named = [_NAMED.fullmatch(line.strip()) for line in lines]
    if len(lines) > 1 and all(named):
        return SpokenText(tuple(SpeakerLine(m["name"], m["text"].strip()) for m in named if m))
    return None


def turns_beside(recording: Path) -> tuple[NamedTurn, ...]:
    """The turns in the RTTM file of a recording's name; none where there is no such file.

    Raises:
        AuricleError: it cannot be read, or is none.
    """
    path = recording.with_suffix(".rttm")
    if not path.is_file():
        return ()
    try:
        return tuple(rttm.read(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, InvalidRequest) as exc:
        raise AuricleError(f"{path}: {exc}") from exc


def spoken_units(
    said: Sequence[SpeakerLine], units: Callable[[str], Sequence[str]]
) -> list[tuple[str, str]]:
    """Every unit of a text, such as a word, with who says it."""
    return [(unit, each.speaker) for each in said for unit in units(each.text)]
