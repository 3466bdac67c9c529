"""What CTranslate2 is told about processors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from auricle.engine import machine
from auricle.system import resources

QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}


@pytest.mark.parametrize(
    ("cpuinfo", "extra"),
    [
        ("GenuineIntel\nflags: avx2 avx512f avx512_vnni", {"CT2_FORCE_CPU_ISA": "AVX512"}),
        ("GenuineIntel\nflags: avx2", {}),
        ("AuthenticAMD\nflags: avx2 avx512f avx512_vnni", {}),
        ("", {}),
    ],
)
def test_environment(cpuinfo, extra):
    assert machine.environment(cpuinfo) == {**QUIET, **extra}


@pytest.mark.parametrize(
    ("threads", "shares"),
    [(1, (1, 1)), (2, (2, 1)), (8, (8, 1)), (16, (8, 2)), (30, (8, 3))],
)
def test_cores_go_to_workers_first(threads, shares):
    assert machine.share_cores(threads) == shares


def test_all_usable_cores_by_default():
    workers, threads_each = machine.share_cores(0)
    assert workers == min(resources.usable_cores(), machine.MAX_WORKERS)
    assert threads_each >= 1


@pytest.mark.parametrize(
    ("mib", "workers", "worth"), [(145, 2, True), (145, 1, False), (484, 8, True), (1500, 8, False)]
)
def test_small_models_are_loaded_twice_where_there_are_cores_for_it(mib, workers, worth):
    assert machine.fits_twice(mib * 1024 * 1024, workers) is worth


@pytest.mark.parametrize(
    ("flags", "has_units", "gains"),
    [
        ("avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_int8", True, True),
        ("avx2 avx512f avx512_vnni avx512_bf16", False, True),
        ("avx2 avx512f avx512_vnni", False, False),
        ("", False, False),
    ],
)
def test_which_processors_multiply_bfloat16(flags, has_units, gains):
    cpuinfo = f"processor : 0\nmodel name : Some\nflags : {flags}\n"
    assert machine.has_matrix_units(cpuinfo) == has_units
    assert machine.gains_from_openvino(cpuinfo) == gains


def test_a_processor_is_told_by_its_name_and_what_it_can_do():
    first = "processor : 0\nmodel name : Some\nMHz : 2000.1\nflags : avx2\n"
    assert machine.processor(f"{first}\n{first}") == "model name : Some\nflags : avx2"
    assert machine.processor("") != ""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is somebody else's business")
def test_what_loading_took_is_given_back():
    """A process with base kept 427 MB after loading, and needs 214."""
    script = """if True:
        from auricle.engine import machine
        kept = machine.keep_freed_memory()
        import os
        import numpy as np
        from auricle.system import resources
        from auricle.engine.process import resident_bytes
        for _ in range(3):
            weights = [np.ones(10_000_000, np.float32) for _ in range(5)]
        del weights
        before = resident_bytes(os.getpid())
        was_given = resources.give_back_freed_memory()
        after = resident_bytes(os.getpid())
        assert kept == was_given
        assert not kept or before - after > 150_000_000, (before, after)
    """
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is somebody else's business")
def test_large_buffers_go_back_at_once_and_small_ones_are_kept():
    script = """if True:
        from auricle.engine import machine
        assert machine.keep_freed_memory() == machine.return_large_buffers()
        import os
        import numpy as np
        from auricle.engine.process import resident_bytes
        n_large, n_small = machine.LARGE_BUFFER_BYTES, machine.LARGE_BUFFER_BYTES // 4
        large = [np.ones(n_large, np.uint8) for _ in range(200)]
        small = [np.ones(n_small, np.uint8) for _ in range(200)]
        full = resident_bytes(os.getpid())
        del large
        without_large = resident_bytes(os.getpid())
        del small
        after = resident_bytes(os.getpid())
        if machine.return_large_buffers():
            assert full - without_large > 95_000_000, (full, without_large)
            assert without_large - after < 5_000_000, (without_large, after)
    """
    subprocess.run([sys.executable, "-c", script], check=True)
