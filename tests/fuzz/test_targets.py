"""Some damaged input for everything that takes any: the same each time. `make fuzz` has more."""

from __future__ import annotations

import pytest

from tests.fuzz.target import fuzzed
from tests.fuzz.targets import TARGETS

N_INPUTS = {
    "requests": 300,
    "sockets": 200,
    "wyoming": 300,
    "heads": 60,
    "written": 60,
    "folders": 15,
    "kept": 8,
}
"""Of media, `tests/media/test_fuzz.py` reads some."""


@pytest.mark.parametrize("name", N_INPUTS)
async def test_damaged_input_is_taken_or_refused(name: str) -> None:
    (target,) = [each for each in TARGETS if each.name == name]
    found = await fuzzed(target, range(N_INPUTS[name]))
    assert found.faults == {}
    assert found.n_inputs == N_INPUTS[name]
