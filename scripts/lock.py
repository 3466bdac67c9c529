"""Write ``requirements/*.lock`` from ``pyproject.toml``, or check that they are what it says.

Knows nothing about where packages come from: the files name versions and hashes, never a host.

    python scripts/lock.py            write; versions already locked stay while they fit
    python scripts/lock.py --upgrade  write with the newest versions
    python scripts/lock.py --check    exit 1 with a diff when a file is out of date
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {
    "runtime.lock": ["--group", "build"],
    "dev.lock": ["--group", "dev", "--extra", "bench"],
    "bench.lock": ["--group", "bench", "--extra", "bench"],
    "parity.lock": ["--group", "parity", "--extra", "bench"],
}
"""Each file and what it has beside the project's own dependencies; in this order, because each is
bound to the versions of the one before."""

ASIDE = {
    "sdk.lock": [
        "pyproject.toml",
        *("--group", "sdk", "--extra", "bench"),
        *("--constraint", "requirements/dev.lock"),
    ],
    "sdk-oldest.lock": ["requirements/sdk-oldest.in"],
}
"""Files to which nothing else is bound, and the whole of what each is made from."""

CUDA = "parity-cuda.lock"
"""What of parity.lock only PyTorch's CUDA build needs: gigabytes, so a file of its own."""

CPU = "parity-cpu.lock"
"""PyTorch without CUDA, taken first where an index or folder that pip knows has it."""

_CUDA_ONLY = ("cuda-", "nvidia-", "triton")

_CPU_BUILDS = ("6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",)
"""Hashes of PyTorch's own CPU builds of the locked version, which the usual indexes do not have:
Linux on x86-64 with Python 3.11."""


def compile_locks(folder: Path, *, upgrade: bool) -> None:
    """Resolve every lock into ``folder``; versions in files already there are kept."""
    _join_cuda(folder)
    bound: Path | None = None
    sources = {name: ["pyproject.toml", *parts] for name, parts in LOCKS.items()}
    for name, source in (sources | ASIDE).items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", *source]
        command += ["--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate"]
        command += ["--no-emit-package", "auricle", "--no-emit-package", "auricle-bench"]
        command += ["--output-file", str(folder / name)]
        if upgrade:
            command.append("--upgrade")
        if bound is not None and name in LOCKS:
            command += ["--constraint", str(bound)]
        subprocess.run(command, cwd=ROOT, check=True)
        bound = folder / name
    _split_cuda(folder)


def _join_cuda(folder: Path) -> None:
    """Make parity.lock whole again, so that uv sees every version that is locked."""
    lock, cuda = folder / "parity.lock", folder / CUDA
    if lock.is_file() and cuda.is_file():
        lock.write_text(lock.read_text("utf-8") + cuda.read_text("utf-8"), "utf-8")


def _split_cuda(folder: Path) -> None:
    """Move what only CUDA needs into its own file, and name the builds that need none of it."""
    entries = re.split(r"^(?=\S)", (folder / "parity.lock").read_text("utf-8"), flags=re.MULTILINE)
    cuda = [entry for entry in entries if entry.startswith(_CUDA_ONLY)]
    (folder / "parity.lock").write_text("".join(e for e in entries if e not in cuda), "utf-8")
    (folder / CUDA).write_text("".join(cuda), "utf-8")
    torch = next(entry.split()[0] for entry in entries if entry.startswith("torch=="))
    hashes = [f"    --hash=sha256:{each}" for each in _CPU_BUILDS]
    (folder / CPU).write_text(" \\\n".join([f"{torch}+cpu", *hashes]) + "\n", "utf-8")


def stale() -> list[str]:
    """The difference between the locks and what `compile_locks` makes now, as diff lines."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in (*LOCKS, *ASIDE, CUDA, CPU):
            shutil.copy(ROOT / "requirements" / name, scratch)
        compile_locks(Path(scratch), upgrade=False)
        lines: list[str] = []
        for name in (*LOCKS, *ASIDE, CUDA, CPU):
            old = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
            new = (Path(scratch) / name).read_text(encoding="utf-8").splitlines()
            lines += difflib.unified_diff(old, new, name, f"{name} (expected)", lineterm="", n=1)
        return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--upgrade", action="store_true")
    arguments = parser.parse_args()
    if not arguments.check:
        compile_locks(ROOT / "requirements", upgrade=arguments.upgrade)
        return 0
    lines = stale()
    if lines:
        print(*lines, "out of date: run `python scripts/lock.py`", sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
