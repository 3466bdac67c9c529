"""What the figures were measured on, and with: processor, cores, versions, commit.

Knows nothing about what is measured.
"""

from __future__ import annotations

import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from auricle.system import resources
from auricle_bench.measurements.setup import ROOT

PACKAGES = ("auricle", "ctranslate2", "openvino", "faster-whisper", "numpy", "av")


def describe() -> dict[str, str]:
    """Facts by name, in the order to show them."""
    return {
        "processor": _processor(),
        "cores": str(resources.usable_cores()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "commit": _commit(),
    }


_WIDE = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
"""Instructions that decide how fast models are."""


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:  # not Linux
        return platform.processor()
    facts = dict(re.findall(r"^([\w ]+?)\s*: (.*)$", text, re.MULTILINE))
    flags = set(facts.get("flags", "").split())
    wide = [name for name in _WIDE if name in flags]
    name = facts.get("model name", platform.machine())
    return f"{name}, model {facts.get('model', '?')} ({' '.join(wide)})"


def _memory() -> str:
    usable = resources.usable_bytes()
    return "?" if usable is None else f"{usable / 1e9:.0f} GB"


def _commit() -> str:
    """The short hash, with a + when the measured code differs from it."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--", "src"], capture_output=True, text=True, check=False
    )
    return (head.stdout.strip() or "?") + ("+" if changed.stdout else "")
