"""How many engines there should be for what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from auricle.cluster.policy import BACKLOG, ByBacklog, engines_for


@dataclass
class Told:
    current_num_replicas: int
    aggregated_metrics: Mapping[str, Mapping[Any, float]] | None = field(default=None)


@pytest.mark.parametrize(
    ("backlog_s", "n_engines", "wanted"),
    [(0.0, 3, 1), (5.0, 1, 1), (5.1, 1, 2), (20.0, 1, 4), (20.0, 3, 12), (2.5, 4, 2), (9.0, 0, 1)],
)
def test_as_many_as_do_in_time_what_waits(backlog_s: float, n_engines: int, wanted: int):
    assert engines_for(backlog_s, n_engines, wait_s=5.0) == wanted


def test_every_engine_was_told_of_all_that_waits():
    told = Told(2, {BACKLOG: {"a": 12.0, "b": 11.0}, "other": {"a": 99.0}})
    assert ByBacklog(wait_s=5.0)(told) == (5, {})


@pytest.mark.parametrize("figures", [None, {}, {BACKLOG: {}}])
def test_where_nothing_is_known_one_is_enough(figures: Mapping[str, Mapping[Any, float]] | None):
    assert ByBacklog(wait_s=5.0)(Told(2, figures)) == (1, {})
