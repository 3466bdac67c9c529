"""What a server is put through: `python -m tests.chaos --only kills,jobs --kills 300 --seed 7`.

Knows nothing about the parts but their names. Ends with 1 if something was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from tests.chaos import phases, scarcity, stored
from tests.chaos.pace import pace
from tests.chaos.phases import Size
from tests.chaos.sounds import sounds

PHASES: Mapping[str, Callable[[Path, Size], Coroutine[Any, Any, str]]] = {
    "counts": phases.counts,
    "live": phases.live,
    "rude": phases.rude,
    "kills": phases.kills,
    "sounds": sounds,
    "pace": pace,
    "jobs": stored.jobs,
    "clock": stored.clock,
    "disk": scarcity.disk,
    "files": scarcity.files,
    "memory": scarcity.memory,
}

LOG_LINES = 60


def main() -> int:
    parser = argparse.ArgumentParser(description="put a server through everything")
    parser.add_argument("--only", default=",".join(PHASES), help="names of parts, with commas")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    names = given.only.split(",")
    if unknown := set(names) - set(PHASES):
        parser.error(f"--only has {', '.join(sorted(unknown))}: parts are {', '.join(PHASES)}")
    size = Size(given.requests, given.sessions, given.kills, given.restarts, given.seed)
    n_wrong = 0
    for name in names:
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                outcome = asyncio.run(PHASES[name](Path(folder) / name, size))
            except (Exception, BaseExceptionGroup) as exc:  # noqa: BLE001  # the border
                n_wrong += 1
                outcome = f"WRONG: {exc!r}\n{_log_of(Path(folder) / name)}"
        _say(f"{name}, {time.monotonic() - began_s:.0f} s: {outcome}")
    return 1 if n_wrong else 0


def _log_of(folder: Path) -> str:
    """The end of what the server wrote."""
    log = folder / "log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-LOG_LINES:])


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a program that prints


if __name__ == "__main__":
    sys.exit(main())
