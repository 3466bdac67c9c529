"""Throughput and latency under load: Auricle beside one pipeline per request, by turns.

Knows nothing about how any of them works. All do the same work: beam 5, or greedy. Auricle is
measured once more after it has been used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from auricle_bench.accuracy import by_language
from auricle_bench.clips import Clip
from auricle_bench.load import Limit, Outcome
from auricle_bench.measurements import odd_requests, recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.server import BATCHED, FASTER, Server
from auricle_bench.measurements.setup import Fields, Setup, every
from auricle_bench.processes import watching
from auricle_bench.session import Phase, Plan, Result, measure
from auricle_bench.summary import Rate, Summary, Usage, percentile, summarise
from auricle_bench.target import Client, Target

GREEDY: Fields = (("beam_size", "1"),)
"""The field that makes Auricle decode like the peer with ``--beam 1``."""

MODES: tuple[tuple[str, Fields, tuple[str, ...]], ...] = (
    ("beam 5", (), ()),
    ("greedy", GREEDY, ("--beam", "1")),
)
"""Name, fields of Auricle's requests, options of the peer."""

N_SHORT = 48
N_CROWD = 64
N_ALONE = 8
N_WINDOWS = 8
LONG_S = 3600
HEAD_START_S = 5.0
"""How long the long file runs before short clips come."""


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    clips: Sequence[Clip]
    concurrency: int
    n_requests: int


@dataclass(frozen=True, slots=True)
class Row:
    scenario: Scenario
    mode: str
    ours: Summary
    plain: Summary
    batched: Summary

    @property
    def best(self) -> Summary:
        """The better of the peers."""
        return max(self.plain, self.batched, key=lambda side: side.audio_per_s)


def run(setup: Setup) -> Figures:
    scenarios = _scenarios(setup)
    rows: list[Row] = []
    for mode, fields, options in MODES[:1] if setup.quick else MODES:
        with ExitStack() as stack:
            sides = [stack.enter_context(server.auricle(setup.model))]
            for program in (FASTER, BATCHED):
                sides.append(stack.enter_context(server.peer(setup.model, options, program)))
            asked = [(sides[0], setup.fields + fields), *((side, ()) for side in sides[1:])]
            for scenario in scenarios:
                found = asyncio.run(_by_turns(scenario, asked, setup.rounds))
                rows.append(Row(scenario, mode, *found))
                print(*_cells(rows[-1]), sep="  ", flush=True)
            rows.append(_after_use(rows[-len(scenarios)], asked[0], setup))
            print(*_cells(rows[-1]), sep="  ", flush=True)
    if setup.quick:
        return Figures([_table(rows)], {"load": _data(rows)})
    waits = _beside_a_long_file(setup)
    return Figures([_table(rows), _waits_table(waits)], {"load": _data(rows), "waits": waits})


def _scenarios(setup: Setup) -> list[Scenario]:
    short = [clip for clip in setup.clips() if 4 <= clip.duration_s <= 9]
    windows = recordings.windows(setup.clips(), setup.scratch)
    n = setup.n_clips
    some = every(short, n or N_SHORT)
    crowd = every(short, min(N_CROWD, 2 * n) if n else N_CROWD)
    long = every(windows, min(n or N_WINDOWS, N_WINDOWS))
    alone, window = every(some, min(n or N_ALONE, N_ALONE)), every(long, min(n or 4, 4))
    return [
        Scenario("clips of 4–9 s, 16 at a time", some, 16, len(some)),
        Scenario("clips of 4–9 s, one at a time", alone, 1, len(alone)),
        Scenario("windows of 25–30 s, 8 at a time", long, 8, len(long)),
        Scenario("windows of 25–30 s, one at a time", window, 1, len(window)),
        Scenario("clips of 4–9 s, 64 at a time", crowd, 64, len(crowd)),
    ]


def _after_use(fresh: Row, asked: tuple[Server, Fields], setup: Setup) -> Row:
    """The same load on the same server, when it has answered what makes a model go astray."""
    n = 60 if setup.quick else odd_requests.N_REQUESTS
    odd_requests.send(asked[0].url, setup.scratch, n)
    name = f"{fresh.scenario.name}, after {n} odd requests"
    [ours] = asyncio.run(_by_turns(fresh.scenario, [asked], setup.rounds))
    return replace(fresh, scenario=replace(fresh.scenario, name=name), ours=ours)


async def _by_turns(
    scenario: Scenario, sides: Sequence[tuple[Server, Fields]], rounds: int
) -> list[Summary]:
    """The scenario on one side after the other, ``rounds`` times; each side's rounds as one."""
    results: list[list[Result]] = [[] for _ in sides]
    for turn in range(rounds):
        for own, (side, fields) in zip(results, sides, strict=True):
            own.append(await _one_turn(scenario, side, fields, turn))
    return [_merged(own) for own in results]


async def _one_turn(scenario: Scenario, side: Server, fields: Fields, turn: int) -> Result:
    plan = Plan(
        Limit(scenario.n_requests),
        seed=turn,
        accuracy_of=by_language,
        watching=lambda: watching(side.pid),
    )
    async with Client(Target(side.url, fields=fields)) as client:
        await measure(client, scenario.clips[:1], Phase(), Plan(Limit(1)))  # warm-up
        return await measure(client, scenario.clips, Phase(scenario.concurrency), plan)


def _merged(results: Sequence[Result]) -> Summary:
    """Rounds one after the other, as if they had been one phase."""
    summaries = [result.summary for result in results]
    outcomes: list[Outcome] = []
    begun_s = 0.0
    for result in results:
        outcomes += [replace(each, start_s=each.start_s + begun_s) for each in result.outcomes]
        begun_s += result.summary.wall_s
    usages = [summary.server for summary in summaries if summary.server is not None]
    return summarise(
        summaries[0].load,
        outcomes,
        client_cpu_s=sum(each.client_cpu_share * each.wall_s for each in summaries),
        server=Usage(
            sum(usage.cpu_s for usage in usages), max(usage.peak_rss_bytes for usage in usages)
        ),
        accuracy=by_language(outcomes),
    )


def _beside_a_long_file(setup: Setup) -> dict[str, dict[str, float]]:
    """Latency of clips of about 3 s, one at a time: on an idle server, and while it reads an hour
    of speech for somebody else."""
    short = every(
        [c for c in setup.clips() if 2.5 <= c.duration_s <= 3.5], setup.n_clips or N_ALONE
    )
    long = recordings.long_recording(setup.speech(), setup.scratch / "hour.ogg", LONG_S)
    found = {}
    sides = [server.auricle(setup.model)]
    sides += [server.peer(setup.model, program=program) for program in (FASTER, BATCHED)]
    for started in sides:
        with started as side:
            found[side.name] = asyncio.run(_waits(side, short, long))
    return found


async def _waits(side: Server, short: Sequence[Clip], long: Clip) -> dict[str, float]:
    plan = Plan(Limit(len(short)))
    async with Client(Target(side.url)) as client:
        await measure(client, short[:1], Phase(), plan)
        idle = await measure(client, short, Phase(), plan)
        client.load([long])
        other = asyncio.create_task(client.ask(long), name="the long file")
        await asyncio.sleep(HEAD_START_S)
        busy = await measure(client, short, Phase(), plan)
        if other.done():
            raise SystemExit(f"{side.name} was done with the long file: {other.result()}")
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
    return {
        f"{name}_{share}_s": percentile([each.latency_s for each in result.outcomes], share / 100)
        for name, result in (("idle", idle), ("busy", busy))
        for share in (50, 95)
    }


def _table(rows: Sequence[Row]) -> Table:
    header = ("load", "decoding", "requests", "Auricle, audio-s/s", "plain", "batched", "ratio")
    more = ("p50, s", "peer", "p95, s", "peer", "p95 / all", "errors", "WER", "plain", "batched")
    caption = (
        "The peers are faster-whisper's plain pipeline and its batched one, each called once per "
        "request, on the same weights. Ratio, p50 and p95 are beside the faster of the two."
    )
    return Table(caption, header + more, [_cells(row) for row in rows])


def _cells(row: Row) -> tuple[str, ...]:
    ours, best = row.ours, row.best
    assert ours.latency is not None
    assert best.latency is not None
    return (
        row.scenario.name,
        row.mode,
        str(ours.n_requests),
        *(f"{side.audio_per_s:.1f}" for side in (ours, row.plain, row.batched)),
        f"**{ours.audio_per_s / best.audio_per_s:.2f}**",
        f"{ours.latency.p50_s:.2f}",
        f"{best.latency.p50_s:.2f}",
        f"{ours.latency.p95_s:.2f}",
        f"{best.latency.p95_s:.2f}",
        f"{ours.latency.p95_s / ours.wall_s:.2f}",
        str(ours.n_requests - ours.n_answered),
        *(f"{_error_rate(side):.1%}" for side in (ours, row.plain, row.batched)),
    )


def _error_rate(summary: Summary) -> float:
    """In words, over all languages that have them."""
    rates = [rate for rate in (summary.accuracy or {}).values() if rate.unit == "words"]
    return Rate("words", sum(r.n_units for r in rates), sum(r.n_errors for r in rates)).rate


def _waits_table(waits: dict[str, dict[str, float]]) -> Table:
    caption = (
        "A clip of about 3 s, while the server has nothing else to do and while it reads an hour:"
    )
    keys = ("idle_50_s", "idle_95_s", "busy_50_s", "busy_95_s")
    rows = [(name, *(f"{found[key]:.2f} s" for key in keys)) for name, found in waits.items()]
    return Table(caption, ("", "idle p50", "p95", "beside the hour p50", "p95"), rows)


def _data(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "scenario": row.scenario.name,
            "decoding": row.mode,
            **{
                name: {**msgspec.to_builtins(side), "audio_per_s": side.audio_per_s}
                for name, side in (
                    ("auricle", row.ours),
                    ("plain", row.plain),
                    ("batched", row.batched),
                )
            },
        }
        for row in rows
    ]
