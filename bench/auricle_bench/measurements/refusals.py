"""How quickly a full server says no, while all its cores are busy.

Knows nothing about why it is full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from auricle_bench.clips import Clip
from auricle_bench.load import Limit, Outcome, closed_loop
from auricle_bench.measurements import recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import Setup
from auricle_bench.summary import percentile
from auricle_bench.target import Client, Target

LONG_S = 1200.0
HEAD_START_S = 3.0
"""How long the long recording is read before anybody else comes."""

N_REFUSED = 200
AT_A_TIME = (1, 16)
WANTED_S = 0.05
FULL = "429"


def run(setup: Setup) -> Figures:
    clips = setup.speech()
    long = recordings.long_recording(clips, setup.scratch / "long.ogg", LONG_S)
    short = min(clips, key=lambda clip: clip.duration_s)
    with server.auricle(setup.model, ["--max-requests", "1"]) as side:
        found = asyncio.run(_refused(side.url, long, short))
    rows = []
    for n, latencies in found.items():
        cells = (percentile(latencies, 0.5), percentile(latencies, 0.99), max(latencies))
        rows.append((str(n), str(len(latencies)), *(f"{1000 * each:.0f} ms" for each in cells)))
    caption = (
        "Requests to a server that may have one and has it, while that one keeps every core busy; "
        f"each with a clip of {short.duration_s:.1f} s. Wanted: {1000 * WANTED_S:.0f} ms at most."
    )
    header = ("at a time", "refused", "p50", "p99", "slowest")
    return Figures([Table(caption, header, rows)], {"refused_s": found})


async def _refused(url: str, long: Clip, short: Clip) -> dict[int, list[float]]:
    """Latencies of refusals by how many come at a time, while ``long`` is read."""
    async with Client(Target(url)) as client:
        client.load([long, short])
        busy = asyncio.create_task(client.ask(long), name="the long recording")
        await asyncio.sleep(HEAD_START_S)
        found = {}
        for n in AT_A_TIME:
            outcomes = await closed_loop(client.ask, [short] * N_REFUSED, n, Limit(N_REFUSED))
            found[n] = _latencies(outcomes)
        if busy.done():
            raise SystemExit(f"the long recording was done too soon: {busy.result()}")
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
    return found


def _latencies(outcomes: Sequence[Outcome]) -> list[float]:
    others = {each.status for each in outcomes} - {FULL}
    if others:
        raise SystemExit(f"a full server answered {', '.join(sorted(others))}")
    return [each.latency_s for each in outcomes]
