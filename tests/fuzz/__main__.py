"""Damaged input by the hundred thousand: what each target makes of it, and which seeds it fails on.

    python -m tests.fuzz --inputs 1000000 --minutes 20 --only requests --seed 1

Knows nothing about what targets do. Ends with 1 if there were faults.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import sys
import time

from tests.fuzz.target import Outcome, Target, fuzzed
from tests.fuzz.targets import TARGETS

PATIENCE_S = 30.0


def main() -> int:
    given = _arguments()
    logging.getLogger().addHandler(logging.NullHandler())
    chosen = [each for each in TARGETS if each.name in given.only.split(",")]
    total = sum(each.share for each in chosen)
    n_faults = n_inputs = 0
    for target in chosen:
        n_wanted = max(1, round(given.inputs * target.share / total))
        found = _run(target, range(given.seed, given.seed + n_wanted), given.minutes * 60)
        n_faults += sum(map(len, found.faults.values()))
        n_inputs += found.n_inputs
    _say(f"{n_inputs:,} inputs, {n_faults} faults")
    return 1 if n_faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="damaged input")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="at most, for each target")
    known = [each.name for each in TARGETS]
    parser.add_argument("--only", default=",".join(known), help="names of targets, with commas")
    parser.add_argument("--seed", type=int, default=1, help="of the first input")
    given = parser.parse_args()
    if unknown := set(given.only.split(",")) - set(known):
        parser.error(f"--only has {', '.join(sorted(unknown))}: targets are {', '.join(known)}")
    return given


def _run(target: Target, seeds: range, most_s: float) -> Outcome:
    async def run() -> Outcome:
        stop_s = asyncio.get_running_loop().time() + most_s
        return await fuzzed(target, seeds, PATIENCE_S, stop_s)

    files, began_s, before_mib = _n_files(), time.monotonic(), _peak_mib()
    found = asyncio.run(run())
    took_s = time.monotonic() - began_s
    _say(
        f"{target.name}: {found.n_inputs:,} inputs in {took_s:.0f} s, seeds from {seeds.start}; "
        f"files open {files} -> {_n_files()}, most memory {before_mib} -> {_peak_mib()} MiB"
    )
    _say("   " + ", ".join(f"{n:,} {word}" for word, n in found.words.most_common(12)))
    for kind, where in sorted(found.faults.items(), key=lambda each: -len(each[1])):
        _say(f"   FAULT {len(where)}x, seeds {where[:5]}: {kind}")
    return found


def _n_files() -> int:
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a program that prints


if __name__ == "__main__":
    sys.exit(main())
