"""What the queue runs: calls to an engine, cut into rows so that several windows can share one.

Knows nothing about what the rows mean.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from auricle.engine.protocol import Engine
from auricle.queue.policy import BatchKey

Row = TypeVar("Row")
Reply = TypeVar("Reply")


class Stage(Enum):
    """Which of the policy's two stages a job belongs to."""

    ENCODE = "encode"
    DECODE = "decode"


@dataclass(frozen=True, slots=True, eq=False)
class Job(Generic[Row, Reply]):
    """One row of a call, and how such rows are called with. Jobs of equal ``key`` share a call."""

    name: str
    """What people call it."""
    stage: Stage
    key: Hashable
    row: Row
    call: Callable[[Engine, Sequence[Row], bool], AsyncIterator[tuple[int, Reply, bool]]]
    """Given the engine, the rows and whether there is nothing else to do: the id of a window, a
    reply to it, and whether that is the last."""
    cost: int = 0
    """Share of a batch, in the unit of `Policy.batch_cost`; of no matter when encoding."""
    shared_cost: int | None = None
    """The same in an engine that ``shares_windows``, if that is another."""
    mixed_key: Hashable = None
    """The key in an engine that ``mixes_prompts``, if that is another."""
    needs_states: bool = True
    """It is about encoder states, which are made again if they were lost; False: it makes them."""

    def batch_in(self, engine: Engine | None) -> BatchKey | None:
        """What it runs together with in an engine (None: in one that is not known yet); None for
        what makes states, which needs no batch."""
        if self.stage is Stage.ENCODE:
            return None
        shares = engine is not None and engine.info.shares_windows
        mixes = engine is not None and engine.info.mixes_prompts
        cost = self.shared_cost if shares and self.shared_cost is not None else self.cost
        key = self.mixed_key if mixes and self.mixed_key is not None else self.key
        return BatchKey(key, cost)


AnyJob = Job[Any, Any]
"""Rows and replies are between those who make jobs and the engine."""
