"""How many engines of a model there should be: by the seconds of work that wait for them.

Pure. Ray Serve asks every few seconds and waits before it follows: see `ray_engines.deployment`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

BACKLOG = "backlog_s"
"""What engines call the figure that they tell."""


class AutoscalingContext(Protocol):
    """What Ray Serve tells: engines that run, and what each told of itself."""

    current_num_replicas: int
    aggregated_metrics: Mapping[str, Mapping[Any, float]] | None


class ByBacklog:
    """So many engines that what waits is done within ``wait_s``."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s

    def __call__(self, context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
        figures = (context.aggregated_metrics or {}).get(BACKLOG, {})
        backlog_s = max(figures.values(), default=0.0)  # each engine was told of all that waits
        return engines_for(backlog_s, context.current_num_replicas, self._wait_s), {}


def engines_for(backlog_s: float, n_engines: int, wait_s: float) -> int:
    """How many engines do in ``wait_s`` what ``n_engines`` do in ``backlog_s``; at least one."""
    return max(1, math.ceil(n_engines * backlog_s / wait_s))
