"""What CTranslate2 must be told about the machine before it is loaded.

Knows nothing about models. Runs in the engine process before numpy and CTranslate2 are imported,
and in ``auricle doctor``, which shows the same answers.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from auricle.system import resources

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
"""Parameter numbers of glibc's mallopt(3), from its <malloc.h>."""

MAX_WORKERS = 8

MAX_SECOND_BYTES = 512 * 1024 * 1024
"""Weights of up to this size, small's, are loaded twice: see `fits_twice`."""

LARGE_BUFFER_BYTES = 512 * 1024
"""Above a layer's keys of 10 s of audio in base, below those of 30 s. To fetch buffers anew takes a
hundredth of the time of windows of 30 s; short ones have few that are so large."""

SERVER_MMAP_BYTES = 256 * 1024
"""Far below a window of pcm (2 MB) and an upload's block (1 MiB), far above everything small."""


def return_freed_memory() -> bool:
    """Make glibc give the server's large buffers back as soon as they are free.

    The opposite of `keep_freed_memory`: the server holds windows of many requests for moments, and
    left to itself glibc learns from the first one to keep such buffers in its heap, which then
    grows with every burst. False where there is no glibc.
    """
    mallopt = _mallopt()
    if mallopt is None:
        return False
    return bool(mallopt(_M_ARENA_MAX, 2)) and bool(mallopt(_M_MMAP_THRESHOLD, SERVER_MMAP_BYTES))


def keep_freed_memory() -> bool:
    """Make glibc keep the encoder's 50-70 MB buffers instead of returning them layer by layer.

    The encoder then runs 1.3 to 1.9 times faster (no page faults). Must come before the first
    thread of numpy or CTranslate2 starts. False where there is no glibc: nothing was changed.
    """
    mallopt = _mallopt()
    if mallopt is None:
        return False
    return all(
        (
            mallopt(_M_ARENA_MAX, 1),
            mallopt(_M_MMAP_THRESHOLD, 1 << 30),
            mallopt(_M_TRIM_THRESHOLD, 2**31 - 1),
            mallopt(_M_TOP_PAD, 256 << 20),
        )
    )


def return_large_buffers() -> bool:
    """Make glibc give back buffers from `LARGE_BUFFER_BYTES` on as soon as they are free, after
    `keep_freed_memory`: for OpenVINO, which keeps those of a run for the next one by itself.

    Between buffers of all sizes they would leave gaps: 100 MB of base's engine. False where there
    is no glibc.
    """
    mallopt = _mallopt()
    if mallopt is None:
        return False
    large = LARGE_BUFFER_BYTES
    return bool(mallopt(_M_MMAP_THRESHOLD, large)) and bool(mallopt(_M_TOP_PAD, large))


def environment(cpuinfo: str | None = None) -> dict[str, str]:
    """Environment variables for the engine process.

    One BLAS thread, because the workers are the parallelism. On Intel processors with AVX-512
    CTranslate2 picks AVX2 unless told otherwise (measured 1.1 times slower).
    """
    variables = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
    text = _cpuinfo() if cpuinfo is None else cpuinfo
    if "GenuineIntel" in text and "avx512vnni" in text.replace("_", ""):
        variables["CT2_FORCE_CPU_ISA"] = "AVX512"
    return variables


def has_cuda_driver() -> bool:
    """Whether NVIDIA's driver library is there; without it nobody needs to ask for devices."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def processor(cpuinfo: str | None = None) -> str:
    """What tells this processor from others: its name, and what it can do where that is known."""
    text = _cpuinfo() if cpuinfo is None else cpuinfo
    first = text.partition("\n\n")[0]
    known = [line for line in first.splitlines() if line.startswith(("model name", "flags"))]
    return "\n".join(known) or platform.processor() or platform.machine()


def has_matrix_units(cpuinfo: str | None = None) -> bool:
    """Whether the processor multiplies tiles of bfloat16 at once (AMX); False where it cannot be
    found out."""
    text = _cpuinfo() if cpuinfo is None else cpuinfo
    return "amx_bf16" in text


def gains_from_openvino(cpuinfo: str | None = None) -> bool:
    """Whether OpenVINO is likely to be faster than CTranslate2, which has no bfloat16 on
    processors: worth measuring."""
    text = _cpuinfo() if cpuinfo is None else cpuinfo
    return "avx512_bf16" in text or has_matrix_units(text)


def share_cores(threads: int) -> tuple[int, int]:
    """``(workers, threads per worker)`` for a number of cores; 0 means all usable ones.

    Workers of one thread each beat threads inside one worker (no barriers) until their buffers,
    some 100 MB each, stop paying: eight.
    """
    cores = threads or resources.usable_cores()
    workers = min(cores, MAX_WORKERS)
    return workers, max(1, cores // workers)


def fits_twice(n_bytes: int, workers: int) -> bool:
    """Whether to load weights of ``n_bytes`` once more, with all workers' threads for one window.

    A window that comes alone is then encoded on every core, in half the time on two; the states
    are the same, bit for bit. Decoding would get slower (a step is too small to share), so the
    second copy is for the encoder alone, and not worth its memory for large models.
    """
    return workers > 1 and n_bytes <= MAX_SECOND_BYTES


def _mallopt() -> Callable[[int, int], int] | None:
    """glibc's mallopt(3); None elsewhere, musl included."""
    if sys.platform != "linux":
        return None
    found: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)
    return found


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:  # not Linux
        return ""
