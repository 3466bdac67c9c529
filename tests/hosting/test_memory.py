"""How much memory there is, and what models are expected to take."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.hosting.memory import MIB, budget_bytes, estimate_bytes
from auricle.system import resources
from tests.hosting.fakes import checkpoint


def test_a_limit_that_was_given_is_the_budget():
    assert budget_bytes(300) == 300 * MIB


def test_without_a_limit_it_is_a_share_of_the_machine():
    total = resources.usable_bytes()
    assert total is not None
    assert budget_bytes(0) == int(total * 0.7)


@pytest.mark.parametrize(
    ("device", "compute_type", "workers", "mib"),
    [
        ("cpu", "auto", 2, 150 + 100 + 2 * 50 + 2 * 130),
        ("cpu", "int8", 1, 150 + 100 + 50 + 130),
        ("cpu", "float32", 1, 150 + 100 + 200 + 130),
        ("cuda", "auto", 1, 100 + 130),
        ("cuda", "int8_float16", 1, 50 + 130),
    ],
)
def test_what_a_model_will_take(
    tmp_path: Path, device: str, compute_type: str, workers: int, mib: int
):
    with (tmp_path / "model.bin").open("wb") as weights:
        weights.truncate(100 * MIB)
    model = checkpoint("base", tmp_path)
    assert estimate_bytes(model, device, compute_type, workers) == mib * MIB
