"""A process that fetches the small model from a hub, telling on standard output how far it is.

``python -m tests.models.fetch_child ENDPOINT CACHE``
"""

from __future__ import annotations

import sys
from pathlib import Path

from auricle.models.fetch import FetchOptions, obtain
from tests.models.fake_hub import LIMITS, small_model


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Telling:
    """Writes one line per event, at once."""

    def start(self, label: str, total_bytes: int | None) -> None:
        tell("started", label, total_bytes)

    def advance(self, n: int) -> None:
        tell("advanced", n)

    def close(self) -> None:
        tell("closed")


if __name__ == "__main__":
    endpoint, cache = sys.argv[1:]
    tell("ready")
    fetching = FetchOptions(
        cache=Path(cache),
        sources=("hub",),
        environ={"HF_ENDPOINT": endpoint, "HF_HOME": str(Path(cache) / "no-hf-cache")},
        limits=LIMITS,
    )
    tell("got", obtain(small_model(), fetching, Telling()).name)
