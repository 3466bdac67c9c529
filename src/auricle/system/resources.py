"""What this process may use of the machine: the cores and the memory that were granted to it.

Knows nothing about what they are used for. A container narrows them with control groups (cgroups
of version 1 or 2, see cgroups(7)), ``taskset`` and cpusets with an affinity. A limit of a group
holds for all groups within it. ``root`` is where ``proc`` and ``sys`` are.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")


def present_cores() -> int:
    """Logical processors of the machine."""
    return os.cpu_count() or 1


def usable_cores(root: Path = ROOT) -> int:
    """Cores this process may keep busy: those of its affinity, and no more than its quota of time
    pays for, rounded up: one core less would leave a part of the quota unused."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else present_cores()
    return min([cores, *(max(1, math.ceil(quota)) for quota in _cpu_quotas(root))])


def present_bytes() -> int | None:
    """Memory of the machine; None where the system does not tell."""
    if sys.platform == "win32":
        kilobytes = ctypes.c_ulonglong()
        library = ctypes.CDLL("kernel32")
        if library.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)):
            return kilobytes.value * 1024
        return None
    with contextlib.suppress(ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def usable_bytes(root: Path = ROOT) -> int | None:
    """Memory this process and its children may take: the machine's, or the container's share of
    it; None where nothing is known."""
    known = [*_memory_limits(root)]
    if (present := present_bytes()) is not None:
        known.append(present)
    return min(known, default=None)


def give_back_freed_memory() -> bool:
    """Give the system what glibc keeps of freed memory, once: after loading, which takes more than
    what is loaded needs. False where there is no glibc."""
    if sys.platform != "linux":
        return False
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True


def _cpu_quotas(root: Path) -> Iterator[float]:
    """Processor seconds per second, of every group that limits them."""
    for group in _groups(root, "cpu"):
        for words in (
            _words(group / "cpu.max"),
            _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us"),
        ):
            with contextlib.suppress(ValueError):  # "max", or no such file
                quota, period = map(int, words)
                if quota > 0 and period > 0:  # -1: no limit
                    yield quota / period


def _memory_limits(root: Path) -> Iterator[int]:
    """Bytes, of every group that limits them; above ``memory.high`` it is slowed down until it
    stands still."""
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            for limit in _words(group / name):
                with contextlib.suppress(ValueError):  # "max"
                    yield int(limit)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the groups this process is in, from its own to the outermost it can see."""
    mount = root / "sys" / "fs" / "cgroup"
    for line in _lines(root / "proc" / "self" / "cgroup"):
        _, _, controllers_and_path = line.partition(":")
        controllers, _, path = controllers_and_path.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        top = mount / controller if controllers else mount
        inner = PurePosixPath(path.lstrip("/"))
        yield from (top / each for each in (inner, *inner.parents) if ".." not in each.parts)


def _words(path: Path) -> tuple[str, ...]:
    return tuple(word for line in _lines(path) for word in line.split())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
