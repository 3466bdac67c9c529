"""How many live streams a machine follows, and how soon words come while it does.

Knows nothing about how streams are played; ``auricle bench live`` measures any server so.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import msgspec

from auricle.cli.listening import remote
from auricle.cli.listening.remote_options import RemoteOptions
from auricle_bench.live import played, report
from auricle_bench.live.offline import error_rate
from auricle_bench.live.run import Streams, measured
from auricle_bench.measurements import server
from auricle_bench.measurements.figures import Chart, Figures, Table
from auricle_bench.measurements.setup import Setup

MODELS = ("base", "tiny.en")
NUMBERS = (1, 2, 4, 6, 8, 12, 16, 24)
SECONDS = 40.0
N_OFFLINE = 4
"""Up to so many streams are also read whole."""

BUSY_SHARE = 0.5
"""A load of more than this share of the cores, before anything is measured, is told."""

UNTIL_S = 2.0
"""More streams are not tried once words are committed later than this, at the 95th percentile."""


def run(setup: Setup) -> Figures:
    assert setup.corpus is not None, "the command line asks for it"
    clips = played.timed_clips(setup.corpus)
    seconds = SECONDS / 2 if setup.quick else SECONDS
    load, n_cores = os.getloadavg()[0], os.cpu_count() or 1
    rows: list[tuple[str, ...]] = []
    data: list[dict[str, Any]] = []
    by_model: dict[str, list[Streams]] = {model: [] for model in MODELS}
    for model in MODELS:
        with server.auricle(model) as ours:
            asked = RemoteOptions(ours.url, language="en")
            for n in NUMBERS:
                plays = played.streams(setup.corpus, clips, n, seconds, seed=0)
                found = asyncio.run(measured(lambda: remote.opened(asked), plays, ours.pid))  # noqa: B023  # called before the next
                if n <= N_OFFLINE:
                    rate = error_rate(asked, plays)
                    found = msgspec.structs.replace(found, offline_error_rate=rate)
                rows.append((model, *report.row(found)))
                data.append({"model": model, **msgspec.to_builtins(found)})
                by_model[model].append(found)
                print(*rows[-1], *report.remarks(found), sep="  ", flush=True)
                if _is_too_late(found):
                    break
    caption = (
        f"Streams of {seconds:.0f} s at the pace they are spoken, over `/v1/realtime`; delays in "
        "seconds after a word, or the last word before a pause, was over:"
    )
    table = Table(caption, ("model", *report.HEADINGS), rows)
    charts = [chart(model, found) for model, found in by_model.items()]
    return Figures([table], {"rows": data}, _remarks(load, n_cores), charts)


def chart(model: str, found: Sequence[Streams]) -> Chart:
    """How long words took of so many streams, where all were followed."""
    followed = [each for each in found if not each.n_failed]
    heard = [(each.n_streams, each.commit) for each in followed if each.commit is not None]
    lines = [
        [round(commit.p50_s, 2) for _, commit in heard],
        [round(commit.p95_s, 2) for _, commit in heard],
    ]
    caption = f"{model}: a word is committed after, median and 95th percentile"
    most = max([UNTIL_S, *lines[1]])
    return Chart(caption, ("streams", [n for n, _ in heard]), ("seconds", most), lines)


def _remarks(load: float, n_cores: int) -> list[str]:
    """What else ran on the machine, where that spoils delays."""
    if load < BUSY_SHARE * n_cores:
        return []
    return [
        f"Other programs used the machine meanwhile (a load of {load:.0f} on {n_cores} cores "
        "before it began), so these delays are not what Auricle needs: measure again where "
        "nothing else runs."
    ]


def _is_too_late(found: Streams) -> bool:
    return found.n_failed > 0 or found.commit is None or found.commit.p95_s > UNTIL_S
