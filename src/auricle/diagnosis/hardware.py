"""What machine this is: processor, vector instructions, disk.

Knows nothing about models or settings. Every answer may be unknown; none raises.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

VECTOR_FLAGS = {
    "avx": "AVX",
    "avx2": "AVX2",
    "fma": "FMA",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "amx_int8": "AMX",
    "asimd": "NEON",
    "asimddp": "dot product",
    "sve": "SVE",
}
"""Names in Linux's /proc/cpuinfo that decide how fast inference is, as people write them."""


def cpu_name() -> str:
    """The processor's own name, or its architecture where it does not tell."""
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string") or platform.machine()
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def vector_instructions() -> list[str]:
    """The vector instructions Linux reports; empty elsewhere."""
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return [name for flag, name in VECTOR_FLAGS.items() if flag in flags]


def free_disk_bytes(folder: Path) -> int | None:
    """Free space where ``folder`` is, or would be created."""
    existing = next((each for each in (folder, *folder.parents) if each.exists()), None)
    if existing is None:
        return None
    return shutil.disk_usage(existing).free


def _cpuinfo(key: str) -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def _sysctl(name: str) -> str:
    with contextlib.suppress(OSError):
        done = subprocess.run(
            ["sysctl", "-n", name], capture_output=True, text=True, check=False, timeout=5
        )
        return done.stdout.strip()
    return ""
