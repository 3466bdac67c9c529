"""What is kept of a turn: its words, part by part, and what was predicted at its last pause.

Knows nothing about messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from auricle.live.effects import LiveWord


@dataclass(slots=True)
class Pause:
    """How a part of a turn stands, or ended: whether its speaker pauses, and how probably they
    have finished."""

    is_pause: bool = False
    probability: float = 0.0
    is_manual: bool = False


@dataclass(slots=True)
class TurnWords:
    """The words of a turn."""

    before: list[LiveWord] = field(default_factory=list)
    """Of parts that are over."""
    committed: list[LiveWord] = field(default_factory=list)
    tentative: tuple[LiveWord, ...] = ()

    @property
    def all(self) -> list[LiveWord]:
        return [*self.before, *self.committed, *self.tentative]

    def update(self, committed: Iterable[LiveWord], tentative: tuple[LiveWord, ...]) -> None:
        """More is known of the part that is read."""
        self.committed += committed
        self.tentative = tentative

    def finish(self, words: Iterable[LiveWord]) -> None:
        """All of the part is known."""
        self.before += words
        self.committed, self.tentative = [], ()
