"""What is given damaged input: draws it from a seed, tries it, and says what came of it.

Knows nothing about any of them.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from tests.fuzz.faults import kind


class Trial(Protocol):
    """A target that is open."""

    async def attempt(self, rng: random.Random) -> str:
        """Draw one input and try it; a word for what came of it. Raises whatever is a fault."""
        ...


@dataclass(frozen=True)
class Target:
    """Something that takes input."""

    name: str
    share: int
    """Of a thousand inputs, so many are for it."""
    opened: Callable[[], AbstractAsyncContextManager[Trial]]


@dataclass
class Outcome:
    """What came of many inputs. ``faults`` are by kind the seeds with which they were found."""

    n_inputs: int = 0
    words: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[int]] = field(default_factory=dict)


async def fuzzed(
    target: Target, seeds: range, patience_s: float | None = None, stop_s: float | None = None
) -> Outcome:
    """Try one input for each seed, until the loop's clock says ``stop_s``. What takes longer than
    ``patience_s`` hangs; without one the caller's own limit ends it."""
    found = Outcome()
    loop = asyncio.get_running_loop()
    async with target.opened() as trial:
        for seed in seeds:
            if stop_s is not None and loop.time() > stop_s:
                break
            found.n_inputs += 1
            try:
                async with asyncio.timeout(patience_s):
                    found.words[await trial.attempt(random.Random(seed))] += 1
            except TimeoutError:
                found.faults.setdefault("hangs", []).append(seed)
            except (Exception, asyncio.CancelledError) as exc:
                if isinstance(exc, asyncio.CancelledError) and _is_cancelled():
                    raise
                found.faults.setdefault(kind(exc), []).append(seed)
    return found


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
