"""Cores and memory as containers grant them; the files of the system are written by the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auricle.system import resources

MIB = 1024 * 1024
V1 = "11:memory:/docker/abc\n3:cpuacct,cpu:/docker/abc\n1:name=systemd:/x\n0::/docker/abc\n"

QUOTAS: dict[str, tuple[str, dict[str, str], float]] = {
    "version 2": ("0::/\n", {"cpu.max": "50000 100000"}, 0.5),
    "version 2, no limit": ("0::/\n", {"cpu.max": "max 100000"}, 0),
    "version 2, in a slice": ("0::/a/b\n", {"a/b/cpu.max": "200000 100000"}, 2),
    "version 2, limited further out": (
        "0::/a/b\n",
        {"a/b/cpu.max": "200000 100000", "a/cpu.max": "100000 100000"},
        1,
    ),
    "version 2, path of the host": ("0::/docker/abc\n", {"cpu.max": "150000 100000"}, 1.5),
    "version 2, outside its namespace": ("0::/../other\n", {"cpu.max": "100000 100000"}, 1),
    "version 1": (
        V1,
        {"cpu/docker/abc/cpu.cfs_quota_us": "150000", "cpu/docker/abc/cpu.cfs_period_us": "100000"},
        1.5,
    ),
    "version 1, path of the host": (
        V1,
        {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "50000"},
        2,
    ),
    "version 1, no limit": (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "1"}, 0),
    "damaged": (
        "0::/\nx\n",
        {"cpu.max": "much", "cpu.cfs_quota_us": "1", "cpu.cfs_period_us": "0"},
        0,
    ),
    "no groups": ("", {}, 0),
}

LIMITS: dict[str, tuple[str, dict[str, str], int | None]] = {
    "version 2": ("0::/\n", {"memory.max": f"{100 * MIB}\n"}, 100),
    "version 2, no limit": ("0::/\n", {"memory.max": "max\n", "memory.high": "max\n"}, None),
    "version 2, slowed down before": (
        "0::/\n",
        {"memory.max": f"{100 * MIB}", "memory.high": f"{90 * MIB}"},
        90,
    ),
    "version 2, limited further out": (
        "0::/a/b\n",
        {"a/b/memory.max": "max", "a/memory.max": f"{80 * MIB}"},
        80,
    ),
    "version 1": (V1, {"memory/docker/abc/memory.limit_in_bytes": f"{70 * MIB}"}, 70),
    "version 1, path of the host": (V1, {"memory/memory.limit_in_bytes": f"{60 * MIB}"}, 60),
    "version 1, no limit": (V1, {"memory/memory.limit_in_bytes": "9223372036854771712"}, None),
}


def system(root: Path, own: str, files: dict[str, str]) -> Path:
    proc, groups = root / "proc" / "self", root / "sys" / "fs" / "cgroup"
    proc.mkdir(parents=True)
    (proc / "cgroup").write_text(own)
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text)
    return root


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(("own", "files", "quota"), QUOTAS.values(), ids=QUOTAS)
@pytest.mark.usefixtures("eight_cores")
def test_a_quota_of_processor_time_counts_as_cores(tmp_path, own, files, quota):
    """Every core of the host was used: a container with two of 64 was stopped most of the time."""
    cores = {0: 8, 0.5: 1, 1: 1, 1.5: 2, 2: 2}[quota]
    assert resources.usable_cores(system(tmp_path, own, files)) == cores


@pytest.mark.usefixtures("eight_cores")
def test_a_quota_above_the_affinity_grants_no_more_cores(tmp_path):
    root = system(tmp_path, "0::/\n", {"cpu.max": "1600000 100000"})
    assert resources.usable_cores(root) == 8


@pytest.mark.parametrize(("own", "files", "mib"), LIMITS.values(), ids=LIMITS)
def test_a_containers_memory_is_what_it_may_take(tmp_path, monkeypatch, own, files, mib):
    monkeypatch.setattr(resources, "present_bytes", lambda: 4096 * MIB)
    limit = resources.usable_bytes(system(tmp_path, own, files))
    assert limit == (4096 if mib is None else mib) * MIB


def test_where_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "present_bytes", lambda: None)
    assert resources.usable_bytes(tmp_path) is None


def test_this_machine():
    assert 1 <= resources.usable_cores() <= resources.present_cores()
    present, usable = resources.present_bytes(), resources.usable_bytes()
    assert present is not None
    assert usable is not None
    assert 0 < usable <= present
