"""What the audio context's margin costs and saves: errors and processor time for each, by model.

Knows nothing about how the context is shortened; it is a setting of the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auricle_bench.accuracy import by_language
from auricle_bench.clips import Clip
from auricle_bench.load import Limit, Outcome
from auricle_bench.measurements import server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import Fields, Setup, every
from auricle_bench.processes import watching
from auricle_bench.session import Phase, Plan, measure
from auricle_bench.summary import Rate
from auricle_bench.target import Client, Target

CONCURRENCY = 2
LONGEST_S = 20.0
"""Clips that a margin of 10 s still shortens."""

FULL = "full"
MARGINS: Mapping[str, Sequence[str]] = {
    "base": ("3", "5", "10", FULL),
    "tiny.en": ("5", "10", FULL),
}
KNOWN_BY_BASE = frozenset({"en", "de", "es", "fr", "it", "ja", "ko", "nl", "pt", "ru", "zh"})
"""Languages base transcribes well enough for its errors to say something about the margin."""


@dataclass(frozen=True, slots=True)
class Row:
    model: str
    margin: str
    english: Rate
    others: Rate
    full_stops: int
    cpu_s: float


def run(setup: Setup) -> Figures:
    found = [clip for clip in setup.clips() if clip.duration_s <= LONGEST_S]
    rows = []
    for model, margins in MARGINS.items():
        languages = KNOWN_BY_BASE if model == "base" else {"en"}
        clips = every([clip for clip in found if clip.language in languages], setup.n_clips)
        rows += [_measured(model, margin, clips, setup.fields) for margin in margins]
    return Figures([_table(rows)], {"rows": [_data(row) for row in rows]})


def _measured(model: str, margin: str, clips: Sequence[Clip], fields: Fields) -> Row:
    options = ["--audio-context", FULL] if margin == FULL else ["--context-margin-s", margin]
    with server.auricle(model, options) as running:
        target = Target(running.url, fields=fields)
        cpu_s, outcomes = asyncio.run(_heard(target, running.pid, clips))
    rates = by_language(outcomes)
    return Row(
        model=model,
        margin=margin,
        english=rates["en"],
        others=_sum(rate for language, rate in rates.items() if language != "en"),
        full_stops=sum(
            (each.text or "").rstrip().endswith((".", "?", "!", "。")) for each in outcomes
        ),
        cpu_s=cpu_s,
    )


async def _heard(target: Target, pid: int, clips: Sequence[Clip]) -> tuple[float, list[Outcome]]:
    async with Client(target) as client:
        plan = Plan(Limit(len(clips)), watching=lambda: watching(pid))
        result = await measure(client, clips, Phase(CONCURRENCY), plan)
    failed = [each for each in result.outcomes if not each.is_ok]
    if failed or result.summary.server is None:
        raise SystemExit(f"{target.url}: {failed[0].complaint if failed else 'no such process'}")
    return result.summary.server.cpu_s, result.outcomes


def _sum(rates: Iterable[Rate]) -> Rate:
    """Units of different kinds together: good for comparing margins, not languages."""
    listed = list(rates)
    return Rate("units", sum(r.n_units for r in listed), sum(r.n_errors for r in listed))


def _table(rows: Sequence[Row]) -> Table:
    header = (
        "model",
        "margin, s",
        "English words wrong",
        "other languages",
        "texts that end in a full stop",
        "server, core-seconds",
    )
    return Table("", header, [_cells(row) for row in rows])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.model,
        row.margin,
        f"{row.english.rate:.1%} ({row.english.n_errors})",
        f"{row.others.rate:.1%} ({row.others.n_errors})" if row.others.n_units else "–",
        str(row.full_stops),
        f"{row.cpu_s:.0f}",
    )


def _data(row: Row) -> dict[str, Any]:
    return {
        "model": row.model,
        "margin": row.margin,
        "english_words": row.english.n_units,
        "english_errors": row.english.n_errors,
        "other_units": row.others.n_units,
        "other_errors": row.others.n_errors,
        "full_stops": row.full_stops,
        "cpu_s": row.cpu_s,
    }
