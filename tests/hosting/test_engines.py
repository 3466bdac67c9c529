"""Where engines are started: devices, replicas, cores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auricle import resources
from auricle.config import Settings, load
from auricle.engine.model import CTRANSLATE2
from auricle.errors import BadSetting
from auricle.hosting import engines


@pytest.mark.parametrize(
    ("settings", "device"),
    [
        ({"device": "cpu"}, "cpu"),
        ({"device": "cuda"}, "cuda"),
        ({"devices": ("cuda:0", "cuda:1")}, "cuda"),
        ({"devices": ("cpu",)}, "cpu"),
    ],
)
async def test_the_settings_choose_the_device(settings: dict[str, Any], device: str):
    assert await engines.choose_device(Settings(**settings)) == device


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"devices": ("cpu", "cuda:0")}, "name one kind"),
    ],
)
async def test_what_does_not_go_together(settings: dict[str, Any], says: str):
    with pytest.raises(BadSetting, match=says):
        await engines.choose_device(Settings(**settings))


@pytest.mark.parametrize(
    ("settings", "device", "places"),
    [
        ({}, "cpu", [("cpu", 0)]),
        ({"threads": 3}, "cpu", [("cpu", 3)]),
        ({"threads": 4, "replicas": 2}, "cpu", [("cpu", 2), ("cpu", 2)]),
        ({"threads": 1, "replicas": 2}, "cpu", [("cpu", 1), ("cpu", 1)]),
        ({"devices": ("cuda:0", "cuda:1")}, "cuda", [("cuda:0", 0), ("cuda:1", 0)]),
        (
            {"devices": ("cuda:0", "cuda:1"), "replicas": 2},
            "cuda",
            [("cuda:0", 0), ("cuda:0", 0), ("cuda:1", 0), ("cuda:1", 0)],
        ),
    ],
)
def test_engines_are_spread(
    settings: dict[str, Any], device: engines.Device, places: list[tuple[str, int]]
):
    starters = engines._starters(Path("model"), Settings(**settings), device, CTRANSLATE2)
    asked = [each.keywords for each in starters]  # type: ignore[attr-defined]  # they are partials
    assert [(each["device"], each["threads"]) for each in asked] == places


@pytest.mark.parametrize(
    ("settings", "device", "n_workers"),
    [
        ({"threads": 2}, "cpu", 2),
        ({"threads": 8, "replicas": 2}, "cpu", 8),
        ({"devices": ("cuda:0", "cuda:1"), "replicas": 3}, "cuda", 6),
        ({}, "cuda", 1),
    ],
)
def test_workers_are_counted(settings: dict[str, Any], device: engines.Device, n_workers: int):
    assert engines.n_workers(Settings(**settings), device) == n_workers


def test_replicas_share_the_cores_of_the_machine():
    workers = engines.n_workers(Settings(replicas=2), "cpu")
    assert workers == 2 * max(1, resources.usable_cores() // 2)


@pytest.mark.parametrize("devices", ["cuda:0,cuda:1", "cpu", "cuda"])
def test_devices_are_read_from_the_command_line(devices: str):
    assert load({"devices": devices}, {}).devices == tuple(devices.split(","))


@pytest.mark.parametrize("devices", ["gpu", "cuda:x", "cuda:0,mps", "cuda:"])
def test_other_devices_are_refused(devices: str):
    with pytest.raises(BadSetting, match=r"is not a list of names like cpu\|cuda"):
        load({"devices": devices}, {})
