"""A model's graphs compiled for this machine, kept on disk so that the next start is quick.

Knows nothing about what the graphs compute. What is on disk is only ever a copy: a file that is
damaged, or was made by other versions or for another processor, is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import openvino

from auricle.engine.openvino.network import failing
from auricle.engine.openvino.shape import Dimensions, Formats
from auricle.system import resources

_log = logging.getLogger(__name__)

_VERSION = 6
"""Of the graphs; to be raised whenever they are made differently."""

_DIGEST_BYTES = hashlib.sha256().digest_size

_GROUP = 128
"""Activations are rounded to 8 bits in groups of so many."""

_KEPT = 3
"""Graphs of one part of one model: for a few number formats, or versions used by turns."""

_STALE_S = 3600.0
"""A graph that was not written to its end within so long will never be: its process was killed."""

GIVE_BACK_EVERY_S = 60.0
"""Pages of graph files that were read are let go of at most so often."""

Build = Callable[[], openvino.Model]


@dataclass(frozen=True, slots=True)
class Threads:
    """How a compiled graph uses cores."""

    streams: int
    """Calls at a time."""
    cores: int
    """Of all of them together."""


class Mapped(Protocol):
    """A file in memory."""

    def madvise(self, option: int, /) -> None: ...


@dataclass(slots=True)
class Compiled:
    """A graph that can be run, as long as somebody holds this."""

    graph: Any
    memory: Any = None
    """The file it was taken from, in memory: OpenVINO uses the weights where they are."""
    mapped: Mapped | None = None
    """What that is a view of."""
    n_first_runs: int = 1
    """Runs that read most of the file, as they lay out weights anew: one for each stream."""
    _n_running: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def request(self) -> Iterator[Any]:
        """A place to run it at, which takes some microseconds to make and remembers nothing of
        others.

        Raises:
            NetworkFailed: there is no memory for one.
        """
        with self._counting:
            self._n_running += 1
        try:
            with failing():
                request = self.graph.create_infer_request()
            yield request
        finally:
            with self._counting:
                self._n_running -= 1

    def give_back(self) -> None:
        """Let go of what the last run took, which is kept for the next one, unless it runs."""
        with self._counting:
            if not self._n_running:
                self.graph.release_memory()

    def ran(self) -> None:
        """It was run once more."""
        if self.n_first_runs > 0:  # of two threads both may be the last
            self.n_first_runs -= 1
            self.give_back_file()

    def give_back_file(self) -> None:
        """Let go of pages of the file that were read, of which hardly any are read again: its first
        run lays out most weights anew. They stay in the system's cache, and are never changed."""
        if self.mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)


class GivesBack(Protocol):
    """A `Compiled`, as it concerns memory."""

    def give_back(self) -> None: ...

    def give_back_file(self) -> None: ...


class GraphFiles:
    """What was read of the graphs' files is given back now and then, with all else that is kept for
    the next run: whoever comes next has to have those pages read in again that are used."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._graphs: list[GivesBack] = []
        self._given_back_s = -math.inf

    def add(self, graph: GivesBack) -> None:
        """Care for another graph's file."""
        self._graphs.append(graph)

    def give_back_files(self) -> None:
        """Nobody runs a graph now."""
        now_s = self._clock()
        if now_s - self._given_back_s >= GIVE_BACK_EVERY_S:
            self._given_back_s = now_s
            for each in self._graphs:
                each.give_back()
                each.give_back_file()
            resources.give_back_freed_memory()


@cache
def core() -> openvino.Core:
    """OpenVINO itself; it loads its plugin for processors when first asked for it."""
    return openvino.Core()


def capabilities() -> tuple[str, ...]:
    """What OpenVINO says that this processor computes well in, such as BF16."""
    return tuple(core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def compiled(
    build: Build,
    *,
    bf16: bool,
    remembers_f16: bool = False,
    threads: Threads,
    file: Path | None,
) -> Compiled:
    """The compiled graph, from ``file`` if that is of use, else made with ``build`` and kept
    there. ``bf16``: most of it computes in bfloat16; ``remembers_f16``: it keeps keys and values of
    self-attention in float16."""
    settings = {
        "NUM_STREAMS": threads.streams,
        "INFERENCE_NUM_THREADS": threads.cores,
        "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        # 8 bits, the default, gave no numbers at all now and then
        "KV_CACHE_PRECISION": "f16" if remembers_f16 else "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": _GROUP,
        # else each process takes the same cores
        "ENABLE_CPU_PINNING": False,
    }
    kept = None if file is None else _kept(file, settings)
    if kept is not None:
        kept.n_first_runs = threads.streams
        return kept
    made = core().compile_model(build(), "CPU", settings)
    if file is not None:
        _keep(file, made)
    return Compiled(made)


def file_name(part: str, weights: Path, size: Dimensions, formats: Formats) -> str:
    """What a compiled graph is kept as: another name whenever it would be another graph."""
    status = weights.stat()
    described = (
        _VERSION,
        openvino.get_version(),
        core().get_property("CPU", "FULL_DEVICE_NAME"),
        capabilities(),
        os.fsencode(weights.resolve()),
        status.st_size,
        status.st_mtime_ns,
        size,
        formats,
    )
    model = hashlib.sha256(os.fsencode(weights.resolve())).hexdigest()[:12]
    return f"{part}-{model}-{hashlib.sha256(repr(described).encode()).hexdigest()[:24]}.graph"


def _kept(file: Path, settings: dict[str, Any]) -> Compiled | None:
    """The graph in the file; None when it is not there or not of use."""
    try:
        with file.open("rb") as stored:  # not read: OpenVINO takes what it needs
            mapped = mmap.mmap(stored.fileno(), 0, access=mmap.ACCESS_COPY)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:  # ValueError: it is empty
        _log.warning("%s cannot be read, and is made again: %s", file, exc)
        return None
    content = np.frombuffer(mapped, np.uint8)
    blob, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(blob.data).digest() != digest.tobytes():
        # importing it could end the process
        _log.warning("%s is damaged, and made again", file)
        return None
    try:
        tensor = openvino.Tensor(blob, shared_memory=True)
        imported = core().import_model(tensor, "CPU", settings)
    except RuntimeError as exc:
        _log.warning("%s is of no use, and made again: %s", file, exc)
        return None
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with contextlib.suppress(OSError):  # of a kernel that has none
            mapped.madvise(mmap.MADV_NOHUGEPAGE)  # else a page that is read brings 2 MB with it
    kept = Compiled(imported, tensor, mapped)
    kept.give_back_file()  # most of it was only looked at
    return kept


def _keep(file: Path, made: Any) -> None:
    """Write the graph beside others; where that is not possible, the next start is slower."""
    try:
        exported = made.export_model()
        blob = exported if isinstance(exported, bytes) else exported.getbuffer()
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f"{file.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as out:
                out.write(blob)
                out.write(hashlib.sha256(blob).digest())
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
        _forget(file)
    except (OSError, RuntimeError) as exc:
        _log.warning("the compiled graph is not kept in %s: %s", file, exc)


def _forget(file: Path) -> None:
    """Remove all but the newest of the graphs that the one in ``file`` may stand in for, and what
    processes left that were killed while they wrote any."""
    alike = file.parent.glob(f"{file.name.rpartition('-')[0]}-*.graph")
    for old in sorted(alike, key=_modified_s)[:-_KEPT]:
        old.unlink(missing_ok=True)
    for part in file.parent.glob("*.part"):
        if time.time() - _modified_s(part) > _STALE_S:
            part.unlink(missing_ok=True)


def _modified_s(file: Path) -> float:
    """When a file was last written to; now, if another process has just renamed or removed it."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return time.time()
