"""Where engines are started: devices, replicas, cores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auricle.engine.model import CTRANSLATE2, Library
from auricle.errors import BadSetting, LoadingFailed, ModelUnusable
from auricle.hosting import engines
from auricle.hosting.libraries import Libraries
from auricle.settings.config import Settings, load
from auricle.system import resources
from auricle.types import LibraryName
from tests.hosting.fakes import MeasuredFake


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
    starters = engines._starters(Path("model"), Settings(**settings), device, CTRANSLATE2, "auto")
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
    with pytest.raises(BadSetting, match=r"is not a list of names like cpu, cuda or cuda:1"):
        load({"devices": devices}, {})


class Machine:
    """Loads a model with CTranslate2, and fails in its own way with OpenVINO."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure
        self.asked: list[LibraryName] = []

    async def start_with(self, library: Library) -> MeasuredFake:
        self.asked.append(library.name)
        if library.name == "openvino" and self.failure is not None:
            raise self.failure
        return MeasuredFake()


@pytest.mark.parametrize(
    "failure",
    [
        LoadingFailed("the engine process died while loading base: killed by SIGILL"),
        LoadingFailed("OpenVINO cannot load base: no memory"),
    ],
)
async def test_a_model_that_openvino_does_not_load_is_read_by_the_other_library(caplog, failure):
    """It used to be a model that failed, although the weights were whole."""
    libraries, machine = Libraries(Settings(engine="openvino"), Path("cache")), Machine(failure)
    base = Path("base")
    for n_loads in (1, 2):
        library = libraries.of(base, "cpu")
        assert library is not None
        await engines.or_with_the_other(base, library, libraries, machine.start_with)
        assert machine.asked == ["openvino", *["ctranslate2"] * n_loads]
    assert caplog.messages == [
        f"from now on, base is computed with CTranslate2 instead of OpenVINO: {failure}"
    ]


async def test_what_no_library_loads_fails():
    libraries = Libraries(Settings(engine="openvino"), Path("cache"))
    openvino = libraries.of(Path("base"), "cpu")
    assert openvino is not None
    machine = Machine(ModelUnusable("model.bin is missing"))
    with pytest.raises(ModelUnusable, match="missing"):
        await engines.or_with_the_other(Path("base"), openvino, libraries, machine.start_with)
    assert machine.asked == ["openvino"]

    async def torn(library: Library) -> MeasuredFake:
        raise LoadingFailed("out of memory")

    for library in (openvino, CTRANSLATE2):
        with pytest.raises(LoadingFailed, match="out of memory"):
            await engines.or_with_the_other(Path("base"), library, libraries, torn)
