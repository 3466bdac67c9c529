"""``python -m auricle_bench.measurements``: remake the figures of ``bench/README.md``, all or some.

Knows nothing about how any of them is measured.

    python -m auricle_bench.measurements startup overhead
    python -m auricle_bench.measurements accuracy --corpus DIR
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from auricle_bench.measurements import (
    accuracy,
    engines,
    figures,
    first_text,
    hours,
    load,
    machine,
    margins,
    memory,
    overhead,
    proxied,
    refusals,
    seams,
    short,
    silence,
    speakers,
    startup,
    streams,
    words,
)
from auricle_bench.measurements.setup import Setup

MEASUREMENTS = {
    "startup": startup.run,
    "overhead": overhead.run,
    "memory": memory.run,
    "accuracy": accuracy.run,
    "load": load.run,
    "margins": margins.run,
    "silence": silence.run,
    "seams": seams.run,
    "words": words.run,
    "short": short.run,
    "refusals": refusals.run,
    "speakers": speakers.run,
    "streams": streams.run,
    "hours": hours.run,
    "engines": engines.run,
    "first_text": first_text.run,
    "proxied": proxied.run,
}
USES = {
    "startup": {"model"},
    "overhead": {"model", "quick", "field", "corpus"},
    "proxied": {"model"},
    "engines": {"model", "quick", "clips", "corpus"},
    "first_text": {"model", "quick", "clips", "field", "corpus"},
    "memory": {"model", "quick", "field", "corpus"},
    "accuracy": {"clips", "quick", "field", "corpus"},
    "load": {"model", "quick", "clips", "rounds", "field", "corpus"},
    "margins": {"clips", "field", "corpus"},
    "silence": {"field"},
    "seams": {"model", "quick", "clips", "field", "corpus"},
    "words": {"clips", "corpus"},
    "short": {"clips", "corpus"},
    "refusals": {"model", "corpus"},
    "speakers": {"corpus"},
    "streams": {"quick", "corpus"},
    "hours": {"model", "quick"},
}
"""The options that change a measurement."""

NEED_CORPUS = frozenset(
    {
        "accuracy",
        "engines",
        "first_text",
        "load",
        "margins",
        "seams",
        "short",
        "speakers",
        "streams",
        "words",
    }
)


def main() -> int:
    given = _arguments(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped, too
    for name in given.names or MEASUREMENTS:
        if name in NEED_CORPUS and given.corpus is None:
            if name in given.names:
                raise SystemExit(f"{name} needs clips with references: make bench CORPUS=DIR")
            print(f"## {name}: left out, because there is no CORPUS=DIR\n", flush=True)
            continue
        print(f"## {name}\n", flush=True)
        with tempfile.TemporaryDirectory(prefix="auricle-bench-") as scratch:
            setup = Setup(
                scratch=Path(scratch),
                corpus=given.corpus,
                model=given.model,
                quick=given.quick,
                n_clips=given.clips,
                rounds=given.rounds,
                fields=tuple(_field(field) for field in given.field),
            )
            found = MEASUREMENTS[name](setup)
        command, facts, day = _command(name, given), machine.describe(), _today()
        text = figures.markdown(found, command, facts, day)
        print(text, end="\n\n", flush=True)
        if not given.dry_run:
            about = {"command": command, "day": day, "machine": facts}
            figures.keep(name, found, about, text)
    return 0


def _arguments(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m auricle_bench.measurements", description="Remake the figures."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(MEASUREMENTS)}")
    parser.add_argument("--corpus", type=Path, help="folder of clips with refs.jsonl")
    parser.add_argument(
        "--model", default="base", help="for all but accuracy, margins, silence, streams, words"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="30 min instead of 2 h, 15 instead of 4 h live; fewer turns; every clip once; load "
        "with beam 5 alone, few odd requests, no long file; language given only, openai-whisper's "
        "texts as they are",
    )
    parser.add_argument("--clips", type=int, default=0, help="take only so many of each kind")
    parser.add_argument("--rounds", type=int, default=1, help="turns of each side under load")
    parser.add_argument(
        "--field", action="append", default=[], metavar="NAME=VALUE", help="send this to Auricle"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the figures, keep nothing")
    given = parser.parse_args(args)
    unknown = set(given.names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: known are {', '.join(MEASUREMENTS)}")
    return given


def _command(name: str, given: argparse.Namespace) -> str:
    """What remakes one measurement. Where the clips are is the reader's own affair."""
    uses = USES[name]
    options = [name]
    options += ["--quick"] if given.quick and "quick" in uses else []
    options += [f"--model {given.model}"] if given.model != "base" and "model" in uses else []
    options += [f"--clips {given.clips}"] if given.clips and "clips" in uses else []
    options += [f"--rounds {given.rounds}"] if given.rounds != 1 and "rounds" in uses else []
    options += [f"--field {field}" for field in given.field if "field" in uses]
    text = " ".join(options)
    quoted = f'"{text}"' if " " in text else text
    has_corpus = given.corpus is not None and "corpus" in uses
    return f"make bench ARGS={quoted}" + (" CORPUS=DIR" if has_corpus else "")


def _field(given: str) -> tuple[str, str]:
    name, _, value = given.partition("=")
    return name, value


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


if __name__ == "__main__":
    sys.exit(main())
