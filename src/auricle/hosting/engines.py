"""Starts the engine of a model where the settings want it: processes, devices, replicas.

Knows nothing about which models there are or when they are loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from auricle.engine import machine
from auricle.engine.model import CTRANSLATE2, Library
from auricle.engine.process import EngineProcess, probe
from auricle.engine.replicas import MeasuredEngine, Replicas
from auricle.errors import BadSetting, LoadingFailed
from auricle.hosting import memory, trial
from auricle.hosting.libraries import Libraries
from auricle.hosting.trial import Measured
from auricle.models.checkpoint import Checkpoint
from auricle.models.registry import Model, Weights
from auricle.settings.config import Settings
from auricle.system import resources
from auricle.types import LibraryName
from auricle.whisper.vocabulary import Vocabulary

_log = logging.getLogger(__name__)

Device = Literal["cpu", "cuda"]

Starter = Callable[[], Awaitable[EngineProcess]]


async def choose_device(settings: Settings) -> Device:
    """The kind of device that models run on.

    Raises:
        BadSetting: the settings name devices of both kinds.
    """
    kinds = {name.partition(":")[0] for name in settings.devices}
    if len(kinds) > 1:
        raise BadSetting("the setting devices names both processors and GPUs; name one kind")
    if kinds:
        return "cuda" if kinds == {"cuda"} else "cpu"
    if settings.device != "auto":
        return settings.device
    if not machine.has_cuda_driver():
        return "cpu"  # and save the half second that asking takes
    hardware = await probe()
    return "cuda" if hardware.cuda_devices else "cpu"


async def start(
    path: Path, settings: Settings, device: Device, libraries: Libraries
) -> MeasuredEngine:
    """A fresh engine for a checkpoint folder, on every replica and device of the settings.

    Raises:
        ModelUnusable: the folder cannot be loaded.
    """
    async with libraries.measuring:
        library = libraries.of(path, device)
        if library is None:
            _log.info("measuring once which engine is the faster one with %s here", path.name)
            library = libraries.keep(path, await measured(path, settings, libraries))

    async def start_with(library: Library) -> MeasuredEngine:
        async def started(starter: Starter) -> MeasuredEngine:
            engine = await starter()
            libraries.started(path, library, engine)
            return engine

        compute_type = libraries.compute_type(path, library)
        starters = _starters(path, settings, device, library, compute_type)
        watched = [partial(started, starter) for starter in starters]
        return await watched[0]() if len(watched) == 1 else await Replicas.start(watched)

    return await or_with_the_other(path, library, libraries, start_with)


async def or_with_the_other(
    path: Path,
    library: Library,
    libraries: Libraries,
    start_with: Callable[[Library], Awaitable[MeasuredEngine]],
) -> MeasuredEngine:
    """An engine in ``library``; in CTranslate2 where OpenVINO does not even load the model."""
    try:
        return await start_with(library)
    except LoadingFailed as exc:
        if library == CTRANSLATE2:
            raise
        libraries.fail(path, exc)
    return await start_with(CTRANSLATE2)


async def measured(path: Path, settings: Settings, libraries: Libraries) -> Measured:
    """How both libraries do with the model of a folder on this machine's processor; takes some
    seconds with base.

    Raises:
        ModelUnusable: the folder holds no model.
    """
    starters: dict[LibraryName, trial.Starter] = {
        library.name: partial(
            EngineProcess.start,
            path,
            device="cpu",
            compute_type=settings.compute_type,
            threads=settings.threads,
            library=library,
        )
        for library in (CTRANSLATE2, libraries.openvino)
    }
    return await trial.measure(starters, Vocabulary.load(path), path.name)


def n_workers(settings: Settings, device: Device) -> int:
    """Jobs that run at a time on all engines of one model."""
    n_engines = max(1, len(settings.devices)) * settings.replicas
    if device == "cuda":
        return n_engines
    return n_engines * machine.share_cores(_threads(settings, device, n_engines))[0]


def estimate_bytes(checkpoint: Checkpoint, settings: Settings, device: Device) -> int:
    """What all engines of a model will take together."""
    workers = n_workers(settings, device)
    return memory.estimate_bytes(checkpoint, device, settings.compute_type, workers)


def expected_bytes(weights: Weights, settings: Settings, device: Device) -> int | None:
    """What all engines of a model would take that is not on this machine; None of what no engine
    runs."""
    if not isinstance(weights, Model):
        return None
    return memory.expected_bytes(
        weights, device, settings.compute_type, n_workers(settings, device)
    )


def _starters(
    path: Path, settings: Settings, device: Device, library: Library, compute_type: str
) -> Sequence[Starter]:
    devices = [name for name in settings.devices or (device,) for _ in range(settings.replicas)]
    threads = _threads(settings, device, len(devices))
    return [
        partial(
            EngineProcess.start,
            path,
            device=name,
            compute_type=compute_type,
            threads=threads,
            library=library,
        )
        for name in devices
    ]


def _threads(settings: Settings, device: Device, n_engines: int) -> int:
    """Cores for each engine: on a processor they share what there is."""
    if device == "cuda" or n_engines == 1:
        return settings.threads
    return max(1, (settings.threads or resources.usable_cores()) // n_engines)
