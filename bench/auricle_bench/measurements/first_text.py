"""When the text of a stream begins, as a share of the time until its end, with either engine.

Knows nothing about how either works. One request at a time, so each has all cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from statistics import median
from typing import TypeAlias

from auricle.types import LibraryName
from auricle_bench.clips import Clip
from auricle_bench.load import Limit, Outcome
from auricle_bench.measurements import recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import Setup, every
from auricle_bench.session import Phase, Plan, measure
from auricle_bench.target import Client, Target

Fields: TypeAlias = tuple[tuple[str, str], ...]

N_WINDOWS = 8
TURNS = 3
QUICK_TURNS = 1
WANTED = 0.5
LIBRARIES: tuple[LibraryName, ...] = ("ctranslate2", "openvino")
WAYS: tuple[tuple[str, str, Fields], ...] = (
    ("accurate", "beam 5", ()),
    ("fast", "greedy", (("decoding", "fast"),)),
    ("logprobs", "beam 5, log-probabilities", (("include[]", "logprobs"),)),
    ("words", "beam 5, times of words", (("timestamp_granularities[]", "word"),)),
)
"""By their names in the figures and in the table, with what is asked for."""

HEADER = ("", "first text", "end", "first text after", "wanted, at most")


def run(setup: Setup) -> Figures:
    turns = QUICK_TURNS if setup.quick else TURNS
    windows = every(recordings.windows(setup.speech(), setup.scratch), setup.n_clips or N_WINDOWS)
    rows: list[tuple[str, ...]] = []
    data: dict[str, object] = {}
    for library in LIBRARIES:
        with server.auricle(setup.model, ["--engine", library]) as running:
            for way, name, wanted in WAYS:
                target = Target(running.url, fields=(*setup.fields, *wanted), stream=True)
                outcomes = asyncio.run(_streamed(target, windows, turns))
                rows.append(_row(f"{library}, {name}", outcomes))
                data[f"{library} {way}"] = [
                    {"first_text_s": each.first_text_s, "end_s": each.latency_s}
                    for each in outcomes
                ]
    caption = f"{setup.model}, {len(windows)} recordings of 25 to 30 s, medians:"
    return Figures([Table(caption, HEADER, rows)], data)


async def _streamed(target: Target, windows: Sequence[Clip], turns: int) -> list[Outcome]:
    async with Client(target) as client:
        await measure(client, windows[:1], Phase(), Plan(Limit(1)))  # warms it up
        found = [
            await measure(client, [window], Phase(), Plan(Limit(1)))
            for _ in range(turns)
            for window in windows
        ]
    return [each.outcomes[0] for each in found]


def _row(name: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    told = [(each.first_text_s, each.latency_s) for each in outcomes if each.first_text_s]
    first_s, end_s = (median(times) for times in zip(*told, strict=True))
    share = median(first / end for first, end in told)
    return (
        name,
        f"{first_s:.2f} s",
        f"{end_s:.2f} s",
        f"{100 * share:.0f} %",
        f"{100 * WANTED:.0f} %",
    )
