"""Runs with `make parity`, in an environment that has the other engines."""

import os

from auricle.engine import machine

# Both before any library starts threads. One core for each side: threads that wait for each other
# inside an engine take turns with those of the other.
os.environ.update(machine.environment(), OMP_NUM_THREADS="1")
machine.keep_freed_memory()
