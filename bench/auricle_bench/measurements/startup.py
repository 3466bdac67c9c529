"""How long starting takes: the server until it is healthy, and the command line's help.

Knows nothing about what either does. The model is in the cache and the files were read before.
"""

from __future__ import annotations

import subprocess
import time
from statistics import median

from auricle_bench.measurements import server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import Setup

STARTS = 5
HELPS = 9


def run(setup: Setup) -> Figures:
    ready_s = [_ready_s(setup.model) for _ in range(STARTS)]
    help_s = [_help_s() for _ in range(HELPS)]
    rows = [
        (f"`auricle serve {setup.model}` until /health is 200", *_cells(ready_s), "3 s"),
        ("`auricle --help`", *_cells(help_s), "0.4 s"),
    ]
    table = Table("", ("from process start", "median", "slowest", "runs", "wanted, at most"), rows)
    return Figures([table], {"ready_s": ready_s, "help_s": help_s})


def _ready_s(model: str) -> float:
    with server.auricle(model) as running:
        return running.ready_s


def _help_s() -> float:
    started = time.perf_counter()
    subprocess.run([server.program(), "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _cells(times_s: list[float]) -> tuple[str, str, str]:
    return f"{median(times_s):.2f} s", f"{max(times_s):.2f} s", str(len(times_s))
