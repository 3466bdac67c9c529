"""What a measurement found: tables and charts for people, numbers for programs, and where both are
kept.

Knows nothing about how anything was measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from auricle_bench.measurements.setup import ROOT

README = ROOT / "bench" / "README.md"
RESULTS = ROOT / "bench" / "results"


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same places, from 0 up. The caption names the lines in their order."""

    caption: str
    places: tuple[str, Sequence[int]]
    """What they are, and the numbers."""
    values: tuple[str, float]
    """What is drawn, and up to where."""
    lines: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Figures:
    """The tables and charts of one measurement, remarks on this run, and everything as plain
    data."""

    tables: Sequence[Table]
    data: Mapping[str, Any]
    remarks: Sequence[str] = field(default=())
    charts: Sequence[Chart] = field(default=())


def markdown(figures: Figures, command: str, machine: Mapping[str, str], day: str) -> str:
    """The tables, the charts, the remarks, and the line that says how and where they were made."""
    parts = []
    for table in figures.tables:
        lines = [_row(table.header), "|---" * len(table.header) + "|"]
        lines += [_row(cells) for cells in table.rows]
        parts.append((f"{table.caption}\n\n" if table.caption else "") + "\n".join(lines))
    parts += map(_mermaid, figures.charts)
    parts += figures.remarks
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    parts.append(f"`{command}` on {day}: {facts}.")
    return "\n\n".join(parts)


def paste(document: str, name: str, text: str) -> str:
    """``document`` with ``text`` between the markers of ``name``."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if marked.search(document) is None:
        raise SystemExit(f"bench/README.md has no markers for {name}")
    return marked.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", document)


def keep(name: str, figures: Figures, about: Mapping[str, Any], text: str) -> None:
    """Write the results file and the part of the README."""
    RESULTS.mkdir(exist_ok=True)
    content = msgspec.json.format(msgspec.json.encode({**about, **figures.data}), indent=1)
    (RESULTS / f"{name}.json").write_bytes(content + b"\n")
    README.write_text(paste(README.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _mermaid(chart: Chart) -> str:
    """A chart that pages of GitHub and GitLab draw."""
    places, numbers = chart.places
    values, most = chart.values
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta",
            f'    title "{chart.caption}"',
            f'    x-axis "{places}" [{", ".join(map(str, numbers))}]',
            f'    y-axis "{values}" 0 --> {most:g}',
            *(f"    line [{', '.join(f'{y:g}' for y in line)}]" for line in chart.lines),
            "```",
        ]
    )
