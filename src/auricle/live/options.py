"""How a live stream is read.

Knows nothing about sessions; ``auricle_bench.measurements.live.policy`` tuned the values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from auricle.live.commit import CommitRule
from auricle.live.turns import TurnOptions


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Where turns end, when audio is read, how much of it, and when words are committed."""

    turns: TurnOptions = field(default_factory=TurnOptions)
    language: str | None = None
    """None: detected, in every turn anew."""
    rule: CommitRule = field(default_factory=CommitRule)
    interval_s: float = 0.32
    """Audio between the beginnings of readings."""
    lead_s: float = 0.3
    """Silence before a turn that its window keeps: a model that hears how a sentence begins reads
    it better."""
    min_s: float = 0.5
    """A shorter turn is not read while it is open."""
    trim_above_s: float = 10.0
    """A longer window begins anew, behind committed words;"""
    crowded_trim_above_s: float = 6.0
    """where more people speak than can be read one by one, already one longer than this."""
    keep_s: float = 2.0
    """How much committed audio such a window keeps at most."""
    keep_least_s: float = 1.0
    """How much it keeps at least, unless it begins in a pause."""
    carried_gap_s: float = 1.5
    """Silence up to which a window keeps what was said in the turn before."""
    longest_s: float = 15.0
    """The longest window; what one so long commits need not be agreed upon."""
    early_final_s: float = 0.2
    """Silence after which what was said is read as well as possible, before the turn has ended."""
