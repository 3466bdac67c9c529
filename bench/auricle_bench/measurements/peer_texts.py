"""The texts of peers, kept in a file of one JSON object a line: they are slow, and do not change.

Knows nothing about who writes a line, or why.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from auricle_bench.measurements.figures import RESULTS

FILE = RESULTS / "peer-texts.tmp"
"""Not kept with the project. Delete it when the clips are others."""


class Run(msgspec.Struct, frozen=True):
    """One way of transcribing all clips: a program, its weights, how it searched, and whether it
    had to find the language out."""

    program: str
    model: str
    beams: int
    detected: bool = False

    @property
    def title(self) -> str:
        search = f"beam {self.beams}" if self.beams > 1 else "greedy"
        return f"{self.model}, {search}, language {'detected' if self.detected else 'given'}"


class PeerText(msgspec.Struct, frozen=True):
    """The text of a clip by a run, and the version of what ran."""

    run: Run
    file: str
    text: str
    version: str


def read(path: Path = FILE) -> dict[Run, dict[str, PeerText]]:
    """By run and file name; nothing where there is no file yet. The last line of a clip counts."""
    found: dict[Run, dict[str, PeerText]] = {}
    lines = path.read_bytes().splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            text = msgspec.json.decode(line, type=PeerText)
        except msgspec.DecodeError as exc:
            raise SystemExit(f"{path}, line {number}: {exc}") from exc
        found.setdefault(text.run, {})[text.file] = text
    return found


def add(more: Iterable[PeerText], path: Path = FILE) -> None:
    """Write lines at the end, each as soon as it comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as out:
        for text in more:
            out.write(msgspec.json.encode(text) + b"\n")
            out.flush()
