"""Look at this machine and these settings: what would be used, and what stands in the way.

Knows nothing about how findings are shown, or where a server would listen. Fetches nothing and
changes nothing.
"""

from __future__ import annotations

import asyncio
import platform
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Literal

from auricle import __version__
from auricle.diagnosis import hardware, tuning
from auricle.engine import machine
from auricle.engine.loading import has_openvino, openvino_version
from auricle.engine.messages import Hardware
from auricle.engine.process import probe
from auricle.errors import AuricleError, DownloadFailed
from auricle.models import registry
from auricle.models.fetch import FetchOptions, locate
from auricle.rpc.child import ChildDied
from auricle.settings.config import Settings
from auricle.system import resources

IMPORT_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """Something missing or wrong, and a way out. ``is_fatal``: the server could not serve."""

    what: str
    way_out: str
    is_fatal: bool


@dataclass(slots=True)
class Diagnosis:
    """Findings by name, in the order they are shown."""

    machine: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    plan: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def can_serve(self) -> bool:
        return not any(problem.is_fatal for problem in self.problems)

    def add(self, what: str, way_out: str, *, is_fatal: bool = True) -> None:
        self.problems.append(Problem(what, way_out, is_fatal))


def diagnose(settings: Settings) -> Diagnosis:
    """What is found of the machine and of a server with these settings. Blocks for a second or two:
    it starts an engine process and looks at files."""
    found = Diagnosis()
    seen = _probe(found)
    _describe_machine(found, seen)
    _check_packages(found)
    device = _choose_device(found, settings, seen)
    _plan_engine(found, settings, seen, device)
    _plan_model(found, settings, device)
    return found


def _probe(found: Diagnosis) -> Hardware | None:
    try:
        return asyncio.run(probe())
    except (ChildDied, AuricleError) as exc:
        found.add(
            f"the engine library does not load: {exc}",
            "install Auricle again into a fresh environment; CTranslate2 needs a 64-bit processor "
            "and a glibc Linux, macOS or Windows",
        )
        return None


def _describe_machine(found: Diagnosis, seen: Hardware | None) -> None:
    found.machine = {
        "auricle": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
        "processor": hardware.cpu_name(),
        "vector instructions": ", ".join(hardware.vector_instructions()) or "unknown",
        "usable cores": f"{resources.usable_cores()} of {resources.present_cores()}",
        "usable memory": _gigabytes(resources.usable_bytes(), resources.present_bytes()),
        "NVIDIA driver": "found" if machine.has_cuda_driver() else "none",
        "usable GPUs": "unknown" if seen is None else str(seen.cuda_devices),
    }


def _check_packages(found: Diagnosis) -> None:
    """Versions of what Auricle depends on here, and whether the compiled ones load."""
    for name in _dependencies():
        try:
            found.packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found.packages[name] = "missing"
            found.add(f"the package {name} is missing", "install Auricle again")
    if has_openvino():
        found.packages["openvino"] = openvino_version()
    for module in ("av", "tokenizers"):
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=IMPORT_TIMEOUT_S,
        )
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            found.add(f"the package {module} does not load: {reason}", "install Auricle again")


def _dependencies() -> list[str]:
    """Names of the packages this Auricle declares for this system, without its extras."""
    try:
        declared = metadata.requires("auricle") or []
    except metadata.PackageNotFoundError:
        return []
    names = []
    for requirement in declared:
        name, _, marker = requirement.partition(";")
        if "extra ==" in marker or ("sys_platform" in marker and sys.platform == "win32"):
            continue
        names.append(re.split(r"[^\w.-]", name, maxsplit=1)[0])
    return sorted(names)


def _choose_device(
    found: Diagnosis, settings: Settings, seen: Hardware | None
) -> Literal["cpu", "cuda"]:
    has_gpu = seen is not None and seen.cuda_devices > 0
    if settings.device == "cuda" and not has_gpu:
        found.add(
            "device is cuda, but CTranslate2 sees no GPU here",
            "install NVIDIA's driver and `pip install 'auricle[cuda]'`, or use --device cpu",
        )
    elif machine.has_cuda_driver() and not has_gpu:
        found.add(
            "an NVIDIA driver is installed, but CTranslate2 sees no GPU",
            "`nvidia-smi` should list one; until then the processor is used",
            is_fatal=False,
        )
    if settings.device != "auto":
        return settings.device
    return "cuda" if has_gpu else "cpu"


def _plan_engine(
    found: Diagnosis, settings: Settings, seen: Hardware | None, device: Literal["cpu", "cuda"]
) -> None:
    compute_type = settings.compute_type
    if compute_type == "auto":
        compute_type = "float16" if device == "cuda" else "int8"
    elif device == "cpu" and seen is not None:
        allowed = tuning.compute_types(settings, seen.cpu_compute_types)
        if compute_type not in allowed:
            found.add(
                f"this processor cannot compute in {compute_type}",
                f"use one of {', '.join(sorted(allowed))}, or auto",
            )
    if settings.engine == "openvino" and not has_openvino():
        found.add(
            "engine is openvino, which is not installed",
            "`pip install 'auricle[openvino]'`, or use --engine auto or ctranslate2",
        )
    if device == "cpu" and machine.gains_from_openvino() and not has_openvino():
        found.add(
            "this processor multiplies bfloat16, which only the other engine makes use of",
            "`pip install 'auricle[openvino]'`",
            is_fatal=False,
        )
    workers, threads = (1, 1) if device == "cuda" else machine.share_cores(settings.threads)
    variables = machine.environment().items()
    found.plan |= {
        "device": device,
        "compute type": compute_type,
        "parallel work": f"{_count(workers, 'worker')} of {_count(threads, 'thread')}",
        "engine environment": " ".join(f"{name}={value}" for name, value in variables),
        "freed memory": "kept by the engine" if seen and seen.keeps_freed_memory else "as usual",
    }


def _plan_model(found: Diagnosis, settings: Settings, device: Literal["cpu", "cuda"]) -> None:
    fetching = FetchOptions.of(settings)
    free = hardware.free_disk_bytes(fetching.cache)
    found.plan["model cache"] = str(fetching.cache)
    found.plan["free disk"] = "unknown" if free is None else f"{free / 1e9:.1f} GB"
    name = str(settings.model_path or settings.model)
    if registry.is_default_alias(name):
        name = registry.default_model(device)
    try:
        checkpoint = locate(name, settings, fetching=replace(fetching, offline=True))
    except DownloadFailed:
        _plan_fetch(found, name, fetching, free)
    except AuricleError as exc:
        found.plan["model"] = name
        found.add(exc.message, "`auricle models list` shows the names; a folder works too")
    else:
        found.plan["model"] = f"{checkpoint.name}, complete in {checkpoint.path}"
        engine = "ctranslate2" if device == "cuda" else tuning.described(settings, checkpoint.path)
        found.plan["engine"] = engine


def _plan_fetch(found: Diagnosis, name: str, fetching: FetchOptions, free: int | None) -> None:
    """The model is not here: say where it will come from, or why it cannot."""
    model = registry.resolve(name)
    n_bytes = model.download_bytes if model else 0
    size = f" ({n_bytes / 1e6:.0f} MB)" if n_bytes else ""
    found.plan["model"] = f"{name}{size}, not on this machine yet"
    if fetching.offline or not fetching.sources:
        found.add(
            f"the model {name!r} is not on this machine and fetching is switched off",
            f"run `auricle models download {name}` without --offline, or use --model-path",
        )
    elif free is not None and free < n_bytes:
        found.add(
            f"the model {name!r} needs {n_bytes / 1e6:.0f} MB of disk, {free / 1e6:.0f} are free",
            "make room, or name another folder with --cache-dir",
        )
    else:
        found.add(
            f"the model {name!r} will be fetched from {' or '.join(fetching.sources)} at first "
            "start",
            f"`auricle models download {name}` does it now",
            is_fatal=False,
        )


def _gigabytes(usable: int | None, present: int | None) -> str:
    if usable is None or present is None:
        return "unknown"
    return f"{usable / 1e9:.1f} of {present / 1e9:.1f} GB"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
