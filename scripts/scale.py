"""What a thousand streams or a million hours a month take, from the figures in bench/results.

Knows nothing about how those were measured. ``docs/scale.md`` holds what this writes:

    python scripts/scale.py                                   # write it anew
    python scripts/scale.py --check
    python scripts/scale.py --streams 200 --hours 50000       # print what so much takes
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "scale.md"

STREAMS, HOURS = 1000, 1_000_000
MONTH_H: Final = 30 * 24
BUSY: Final = 0.7
"""How busy cores may be on average: with more, whoever comes waits."""

COMMIT_S: Final = 2.0
"""How late the 95th percentile of a live stream's words may be committed."""

RECORDINGS: Final = (
    ("windows of 25–30 s, 8 at a time", "recordings of minutes and hours"),
    ("clips of 4–9 s, 16 at a time", "clips of 4 to 9 s"),
)
"""Rows of ``load.json``, and what they stand for."""


def measured(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return found


def cores_for_hours(hours: float, audio_s: float, core_s: float) -> float:
    """How many cores read so many hours of audio a month, of which one takes ``core_s`` for
    ``audio_s``."""
    return hours / MONTH_H / (audio_s / core_s) / BUSY


def cores_for_streams(n: float, n_measured: int, cores: int) -> float:
    """How many cores follow so many streams, if so many were followed with some."""
    return n / n_measured * cores


def hours_rows(hours: float) -> list[Sequence[str]]:
    load = measured("load")
    by_name = {row["scenario"]: row["auricle"] for row in load["load"] if "beam" in row["decoding"]}
    rows: list[Sequence[str]] = []
    for scenario, what in RECORDINGS:
        found = by_name[scenario]
        audio_s, core_s = found["audio_s"], found["server"]["cpu_s"]
        cores = cores_for_hours(hours, audio_s, core_s)
        rows.append(
            (
                what,
                f"{audio_s:.0f} s / {core_s:.1f} s = {audio_s / core_s:.1f}",
                f"{hours:,.0f} / {MONTH_H} / {audio_s / core_s:.1f} / {BUSY} = "
                f"**{math.ceil(cores):,}**",
            )
        )
    return rows


def stream_rows(n: float) -> list[Sequence[str]]:
    streams = measured("streams")
    cores = int(streams["machine"]["cores"])
    rows: list[Sequence[str]] = []
    for model in dict.fromkeys(row["model"] for row in streams["rows"]):
        kept = [
            row
            for row in streams["rows"]
            if row["model"] == model and row["commit"]["p95_s"] <= COMMIT_S and not row["n_failed"]
        ]
        most = max(kept, key=lambda row: row["n_streams"])
        needed = cores_for_streams(n, most["n_streams"], cores)
        rows.append(
            (
                model,
                f"{most['n_streams']} on {cores} cores, {most['commit']['p95_s']:.1f} s",
                f"{n:,.0f} / {most['n_streams']} · {cores} = **{math.ceil(needed):,}**",
            )
        )
    return rows


def overhead_rows() -> list[Sequence[str]]:
    request, proxied = measured("overhead"), measured("proxied")["seconds"]
    added = {
        what: 1000 * (_p10(found["proxied"]) - _p10(found["direct"]))
        for what, found in proxied.items()
    }
    return [
        ("a request over HTTP, beside the model alone", f"{request['ratio']:.2f} times the time"),
        ("nginx before it, for a request of nothing", f"{added['small']:.1f} ms"),
        ("nginx before it, for an upload of 10 MB", f"{added['large']:.1f} ms"),
    ]


def tables(streams: float = STREAMS, hours: float = HOURS) -> str:
    """All of it, as Markdown."""
    load, live = measured("load"), measured("streams")
    made = "; ".join(
        f"`{each['command']}` on {each['day']}, {each['machine']['processor']}"
        for each in (load, live, measured("overhead"), measured("proxied"))
    )
    return "\n\n".join(
        (
            _table(
                f"**{hours:,.0f} hours a month**, base, beam 5:",
                ("recordings", "audio read by one core in a second", "cores"),
                hours_rows(hours),
            ),
            _table(
                f"**{streams:,.0f} live streams** in which somebody speaks, words committed within "
                f"{COMMIT_S:g} s (p95):",
                ("model", "measured", "cores"),
                stream_rows(streams),
            ),
            _table("**What is added:**", ("", ""), overhead_rows()),
            f"From {made}.",
        )
    )


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(row) for row in (header, ["---"] * len(header), *rows)]
    return f"{caption}\n\n" + "\n".join(f"| {line} |" for line in lines)


def _p10(values: Sequence[float]) -> float:
    """What it takes where other programs leave room."""
    return quantiles(values, n=10)[0]


def page(text: str) -> str:
    """The page with the tables between its markers."""
    marked = re.compile(r"(<!-- scale -->\n).*?(<!-- /scale -->)", re.DOTALL)
    return marked.sub(lambda found: f"{found[1]}\n{tables()}\n\n{found[2]}", text)


def main(args: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Compute what so much takes.")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--streams", type=float)
    parser.add_argument("--hours", type=float)
    given: Mapping[str, Any] = vars(parser.parse_args(args))
    if given["streams"] or given["hours"]:
        print(tables(given["streams"] or STREAMS, given["hours"] or HOURS))
        return 0
    before = PAGE.read_text("utf-8")
    after = page(before)
    if given["check"] and before != after:
        print("docs/scale.md is out of date: run python scripts/scale.py", file=sys.stderr)
        return 1
    if not given["check"]:
        PAGE.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
