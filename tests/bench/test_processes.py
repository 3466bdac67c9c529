"""Watching a process and its children."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from auricle.errors import AuricleError
from auricle_bench.processes import Watch, watching

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE)
sys.stdin.read()
child.communicate()
"""
CHILD = """
import sys, time
block = bytearray(b"x" * 50_000_000)
while time.process_time() < 0.2:
    pass
print("ready", flush=True)
sys.stdin.read()
"""


def test_the_children_count():
    script = f"CHILD = {CHILD!r}\n{PARENT}"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    watch = Watch(process.pid)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    rss_bytes = watch.sample()
    usage = watch.usage()
    process.communicate()
    assert rss_bytes > 50_000_000
    assert usage.peak_rss_bytes >= rss_bytes
    assert usage.cpu_s >= 0.1
    assert watch.sample() == 0  # gone, and no error
    assert watch.usage().peak_rss_bytes == usage.peak_rss_bytes


async def test_watching_samples_at_the_end():
    async with watching(os.getpid()) as watch:
        pass
    assert watch.usage().peak_rss_bytes > 1_000_000


def test_no_such_process():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    with pytest.raises(AuricleError, match=f"there is no process {done.pid} on this machine"):
        Watch(done.pid)
