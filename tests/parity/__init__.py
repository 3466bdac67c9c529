"""Runs with `make parity`, in an environment that has the other engines."""

from auricle.engine import machine

machine.keep_freed_memory()  # before any thread starts: PyTorch's encoder gets faster, too
