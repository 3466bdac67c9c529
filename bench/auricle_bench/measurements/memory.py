"""Memory of the server's processes while it reads one minute and while it reads hours.

Knows nothing about where the memory goes. Also times the first text of the long recording.
"""

from __future__ import annotations

import asyncio

from auricle_bench.clips import Clip
from auricle_bench.load import Limit
from auricle_bench.measurements import recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.server import Server
from auricle_bench.measurements.setup import Fields, Setup
from auricle_bench.processes import Watch, watching
from auricle_bench.session import Phase, Plan, Result, measure
from auricle_bench.target import Client, Target

MINUTE_S = 60
LONG_S = 2 * 3600
QUICK_S = 1800
MINUTES = 2
"""How often the short recording is sent before the long one: the first warms the server up."""


def run(setup: Setup) -> Figures:
    speech = setup.speech()
    minute = recordings.long_recording(speech, setup.scratch / "minute.ogg", MINUTE_S)
    long_s = QUICK_S if setup.quick else LONG_S
    long = recordings.long_recording(speech, setup.scratch / "long.ogg", long_s)
    with server.auricle(setup.model) as running:
        return asyncio.run(_measure(running, setup.fields, minute, long))


async def _measure(running: Server, fields: Fields, minute: Clip, long: Clip) -> Figures:
    idle_bytes = Watch(running.pid).sample()
    target = Target(running.url, fields=fields, stream=True, timeout_s=4 * 3600)
    async with Client(target) as client:
        short_peak = _peak_bytes(await _send(client, running, minute, MINUTES))
        result = await _send(client, running, long, 1)
    long_peak = _peak_bytes(result)
    after_bytes = Watch(running.pid).sample()
    [outcome] = result.outcomes
    if outcome.first_text_s is None or outcome.sent_s is None:
        raise SystemExit(f"the long recording failed: {outcome.status} {outcome.complaint}")
    first_text_s = outcome.first_text_s - outcome.sent_s
    name = f"{long.duration_s / 60:.0f} min"
    rows = [
        ("idle, before", _mb(idle_bytes), ""),
        (f"peak, {MINUTES} × 1 min", _mb(short_peak), ""),
        (f"peak, {name}", _mb(long_peak), ""),
        ("**added by the long one**", f"**{_mb(long_peak - short_peak)}**", "150 MB"),
        ("idle, after", _mb(after_bytes), ""),
        (f"first text of {name} after its upload", f"{first_text_s:.2f} s", "5 s"),
        (f"all text of {name}", f"{outcome.latency_s:.0f} s", ""),
    ]
    data = {
        "long_s": long.duration_s,
        "upload_bytes": long.path.stat().st_size,
        "idle_bytes": idle_bytes,
        "peak_short_bytes": short_peak,
        "peak_long_bytes": long_peak,
        "after_bytes": after_bytes,
        "first_text_s": first_text_s,
        "latency_s": outcome.latency_s,
    }
    return Figures([Table("", ("resident, all processes", "", "wanted, at most"), rows)], data)


async def _send(client: Client, running: Server, clip: Clip, n: int) -> Result:
    plan = Plan(Limit(n), watching=lambda: watching(running.pid))
    return await measure(client, [clip], Phase(), plan)


def _peak_bytes(result: Result) -> int:
    assert result.summary.server is not None
    return result.summary.server.peak_rss_bytes


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.0f} MB"
