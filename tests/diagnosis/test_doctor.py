"""Findings for many who ask: one look, kept for a while."""

from __future__ import annotations

import asyncio

import pytest

from auricle.diagnosis import doctor
from auricle.diagnosis.doctor import Doctor
from auricle.diagnosis.findings import Diagnosis


async def test_all_who_ask_at_once_share_a_look_and_later_ones_get_another() -> None:
    looks: list[int] = []
    now_s = [100.0]

    def look() -> Diagnosis:
        looks.append(len(looks))
        return Diagnosis(machine={"look": str(len(looks))})

    asked = Doctor(look, clock=lambda: now_s[0])
    first = await asyncio.gather(*(asked.found() for _ in range(5)))
    assert [each.machine for each in first] == [{"look": "1"}] * 5
    now_s[0] += doctor.KEPT_S - 0.1
    assert (await asked.found()).machine == {"look": "1"}
    now_s[0] += 0.2
    assert (await asked.found()).machine == {"look": "2"}


async def test_a_look_that_fails_is_told_and_the_next_one_looks_again() -> None:
    found: list[OSError | Diagnosis] = [OSError("no"), Diagnosis()]

    def look() -> Diagnosis:
        each = found.pop(0)
        if isinstance(each, OSError):
            raise each
        return each

    asked = Doctor(look)
    with pytest.raises(OSError, match="no"):
        await asked.found()
    assert await asked.found() == Diagnosis()
