"""Models on this machine: the user's cache folder, and what the Hugging Face cache already holds.

Knows nothing about how files get here.

A model is one folder of plain files (links break on Windows and in zip archives) with a marker
file written last: a folder is whole exactly when its marker is there and every size in it matches.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from filelock import FileLock

from auricle.errors import UNDECODABLE, ModelNotFound
from auricle.models.checksum import sha256
from auricle.models.registry import Copy, ModelFile
from auricle.system.home import expanded, home

MARKER = "auricle.json"
_LOCKS = ".locks"
_VERIFIED = ".verified.json"


class Entry(msgspec.Struct, frozen=True):
    """A model in the cache, as its marker file describes it."""

    name: str
    source: str
    """Where the files came from: ``owner/name@commit``, or the packages."""
    files: dict[str, int]
    """File name -> bytes."""

    @property
    def bytes(self) -> int:
        return sum(self.files.values())


class _Verified(msgspec.Struct, frozen=True):
    """A file outside our cache whose hash was computed once; it is the same while these are."""

    size: int
    mtime_ns: int
    sha256: str


def cache_dir(configured: Path | None, environ: Mapping[str, str]) -> Path:
    """The configured folder, else the platform's place for caches."""
    if configured is not None:
        return expanded(configured).absolute()
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA") or str(home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(home() / "Library" / "Caches")
    else:
        base = environ.get("XDG_CACHE_HOME") or str(home() / ".cache")
    return Path(base) / "auricle"


def folder_name(name: str) -> str:
    """The folder of a model: its id, with the slash of a hub id made harmless."""
    return name.replace("/", "--")


def find(cache: Path, name: str) -> Path | None:
    """The folder of ``name``, if it is whole."""
    folder = cache / folder_name(name)
    return folder if _entry(folder) is not None else None


def entries(cache: Path) -> list[Entry]:
    """Every whole model in the cache, by name."""
    if not cache.is_dir():
        return []
    found = (_entry(folder) for folder in cache.iterdir() if not folder.name.startswith("."))
    return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.name)


def remove(cache: Path, name: str) -> Entry:
    """Delete a model and return what it was.

    Raises:
        ModelNotFound: the cache does not hold it.
    """
    with lock(cache, name):
        folder = cache / folder_name(name)
        entry = _entry(folder)
        if entry is None:
            raise ModelNotFound(
                f"the model {name!r} is not in {cache}", param="model", code="model_not_found"
            )
        (folder / MARKER).unlink()  # first, so that a half-deleted folder is not taken for whole
        shutil.rmtree(folder)
        return entry


def lock(cache: Path, name: str) -> FileLock:
    """Held while a model is fetched or removed; others wait. A process that dies lets it go."""
    locks = cache / _LOCKS
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"{folder_name(name)}.lock")


def staging(cache: Path, name: str) -> Path:
    """The folder in which ``name`` is put together, with what an interrupted fetch left there.

    Call with the lock held.
    """
    folder, part = cache / folder_name(name), cache / f".{folder_name(name)}.part"
    if folder.exists() and part.exists():
        shutil.rmtree(folder)
    elif folder.exists():  # ended between the rename and the marker: its files may still be good
        (folder / MARKER).unlink(missing_ok=True)
        folder.rename(part)
    part.mkdir(parents=True, exist_ok=True)
    return part


def publish(cache: Path, name: str, source: str, files: Iterable[str]) -> Path:
    """Make the staged folder of ``name`` the cached model. Call with the lock held."""
    folder, part = cache / folder_name(name), cache / f".{folder_name(name)}.part"
    sizes = {file: (part / file).stat().st_size for file in files}
    for file in sizes:
        _sync(part / file)
    for leftover in part.iterdir():
        if leftover.name not in sizes:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    part.rename(folder)
    _write_json(folder / MARKER, Entry(name, source, sizes))
    return folder


def hub_snapshot(place: Copy, environ: Mapping[str, str]) -> Path | None:
    """The folder of a commit (or branch) in the Hugging Face cache, whatever it holds."""
    repository = _hub_cache(environ) / f"models--{place.repo.replace('/', '--')}"
    commit = place.revision
    with contextlib.suppress(OSError):
        commit = (repository / "refs" / place.revision).read_text(encoding="utf-8").strip()
    folder = repository / "snapshots" / commit
    return folder if folder.is_dir() else None


def holds(folder: Path, files: Iterable[ModelFile], cache: Path) -> bool:
    """Whether ``folder``, which others may write to, has these files. A hash is computed once and
    remembered in ``cache`` for as long as the file's size and time stay the same."""
    return all(_same(folder / file.name, file, cache) for file in files)


def _same(path: Path, file: ModelFile, cache: Path) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    if file.bytes is not None and stat.st_size != file.bytes:
        return False
    if not file.enforce or file.sha256 is None:
        return True
    memory, key = cache / _VERIFIED, str(path).encode("utf-8", "backslashreplace").decode()
    known: dict[str, _Verified] = {}
    with contextlib.suppress(OSError, *UNDECODABLE):
        known = msgspec.json.decode(memory.read_bytes(), type=dict[str, _Verified])
    seen = known.get(key)
    if seen is None or (seen.size, seen.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
        seen = _Verified(stat.st_size, stat.st_mtime_ns, sha256(path))
        with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
            cache.mkdir(parents=True, exist_ok=True)
            _write_json(memory, {**known, key: seen})
    return seen.sha256 == file.sha256


def _hub_cache(environ: Mapping[str, str]) -> Path:
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environ.get(variable):
            return expanded(Path(environ[variable]))
    if environ.get("HF_HOME"):
        return expanded(Path(environ["HF_HOME"])) / "hub"
    base = environ.get("XDG_CACHE_HOME") or str(home() / ".cache")
    return Path(base) / "huggingface" / "hub"


def _entry(folder: Path) -> Entry | None:
    """What the marker of ``folder`` says, if every file is there in its full size."""
    try:
        entry = msgspec.json.decode((folder / MARKER).read_bytes(), type=Entry)
        whole = all((folder / name).stat().st_size == n for name, n in entry.files.items())
    except (OSError, *UNDECODABLE):
        return None
    return entry if whole else None


def _write_json(path: Path, value: object) -> None:
    """Written beside and renamed: a reader sees the old file or the new one."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    beside.write_bytes(msgspec.json.encode(value))
    _sync(beside)
    beside.replace(path)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
