"""How much memory there is, and how much a model will take.

Knows nothing about which models are loaded. Every measurement may be unknown (None).
"""

from __future__ import annotations

from auricle.engine import machine
from auricle.models.checkpoint import WEIGHTS, Checkpoint, weights_bytes
from auricle.models.registry import Model
from auricle.system import resources

MIB = 1024 * 1024

SHARE = 0.7
"""The part of the memory granted to this process that models may take when nobody gave a limit."""

_PROCESS_BYTES = 150 * MIB
"""A process with its libraries, before it has a model."""

_WORKER_BYTES = 50 * MIB
_HEAD_BYTES = 10 * MIB
"""What a worker keeps for its computing, and the scores of one attention head: 1500 x 1500 floats,
and some more. With these, tiny.en and base with beam 5 are met within 5 %."""

_BOTH_BYTES = 700 * MIB
_BOTH_COPIES = 6
"""What two libraries take at a time that read a model, one of which makes its graphs: this, and
the file so many times."""

_FILE_BYTES_PER_WEIGHT = 2
_BYTES_PER_WEIGHT = {"int8": 1, "int8_float32": 1, "int8_float16": 1, "float32": 4}


def budget_bytes(memory_mb: int) -> int | None:
    """What loaded models may take together; None where nothing is known about the machine."""
    if memory_mb:
        return memory_mb * MIB
    total = resources.usable_bytes()
    return None if total is None else int(total * SHARE)


def estimate_bytes(checkpoint: Checkpoint, device: str, compute_type: str, workers: int) -> int:
    """What an engine with this model will take once it has worked. The files hold 16-bit weights.

    On a processor the file as it was read counts, too: freed memory is kept for computing. On a
    GPU it is the device's memory that is estimated.
    """
    file_bytes = weights_bytes(checkpoint.path)
    return _estimate_bytes(file_bytes, checkpoint.width, device, compute_type, workers)


def expected_bytes(model: Model, device: str, compute_type: str, workers: int) -> int:
    """What `estimate_bytes` says, of a model that is not on this machine."""
    [file_bytes] = [file.bytes or 0 for file in model.files if file.name == WEIGHTS]
    return _estimate_bytes(file_bytes, model.width, device, compute_type, workers)


def trial_bytes(file_bytes: int) -> int:
    """What it takes to measure on a processor which library reads weights of that size faster."""
    return _BOTH_BYTES + _BOTH_COPIES * file_bytes


def _estimate_bytes(
    file_bytes: int, width: int, device: str, compute_type: str, workers: int
) -> int:
    if compute_type == "auto":
        compute_type = "float16" if device == "cuda" else "int8"
    weights = file_bytes * _BYTES_PER_WEIGHT.get(compute_type, 2) // _FILE_BYTES_PER_WEIGHT
    n_heads = width // 64
    working = workers * (_WORKER_BYTES + n_heads * _HEAD_BYTES)
    if device == "cuda":
        return weights + working
    n_copies = 2 if machine.fits_twice(file_bytes, workers) else 1
    return _PROCESS_BYTES + file_bytes + n_copies * weights + working
