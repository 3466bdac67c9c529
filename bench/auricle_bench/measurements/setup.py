"""What every measurement is told: which clips, how long, how often.

Knows nothing about any measurement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from auricle_bench import clips
from auricle_bench.clips import Clip

_T = TypeVar("_T")

Fields = tuple[tuple[str, str], ...]

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "samples" / "jfk.wav"


@dataclass(frozen=True, slots=True)
class Setup:
    """``n_clips`` bounds how many clips a measurement takes; 0 is its own choice. ``rounds`` is how
    often the two sides take turns. ``scratch`` is a folder that is deleted at the end."""

    scratch: Path
    corpus: Path | None = None
    model: str = "base"
    quick: bool = False
    n_clips: int = 0
    rounds: int = 1
    fields: Fields = ()
    """Sent with every request to Auricle, and never to the peer."""

    def clips(self) -> list[Clip]:
        """The clips of the corpus."""
        if self.corpus is None:
            raise SystemExit("this needs clips with references: make bench CORPUS=DIR")
        return clips.read_corpus(self.corpus)

    def speech(self) -> list[Clip]:
        """English speech: of the corpus if there is one, else one sample."""
        if self.corpus is not None:
            return clips.read_corpus(self.corpus, ["en"])
        return [replace(clip, language="en") for clip in clips.from_files([SAMPLE])]


def every(found: list[_T], n: int) -> list[_T]:
    """``n`` clips spread over the list, or all when there are fewer or ``n`` is 0."""
    if n == 0 or n >= len(found):
        return found
    return [found[i * len(found) // n] for i in range(n)]
