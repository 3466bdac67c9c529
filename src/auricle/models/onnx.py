"""Read the stored tensors of an ONNX file: protocol buffers, of which only these are looked at.

Knows nothing about models, and carries out no graph. Every length is checked against the file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelUnusable

Tensor = NDArray[Any]

MAX_FILE_BYTES = 512 * 1024 * 1024

_GRAPH = 7
_INITIALIZER = 5
_DIMS, _DATA_TYPE, _FLOATS, _INTEGERS, _NAME, _RAW_DATA = 1, 2, 4, 5, 8, 9
"""The numbers of the fields, as ONNX's schema has them: of a model, its graph, and a tensor."""

_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every stored tensor by its name.

    Raises:
        ModelUnusable: the file cannot be read, is damaged, or stores a tensor in another way.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"it is larger than {MAX_FILE_BYTES} bytes")
        model = memoryview(path.read_bytes())
        return dict(
            _tensor(stored)
            for graph in _parts(model, _GRAPH)
            for stored in _parts(graph, _INITIALIZER)
        )
    except OSError as exc:
        raise ModelUnusable(f"cannot read {path}: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise ModelUnusable(f"{path} is damaged, or not an ONNX file: {exc}") from exc


def _tensor(stored: memoryview) -> tuple[str, Tensor]:
    fields: dict[int, list[int | memoryview]] = defaultdict(list)
    for number, value in _fields(stored):
        fields[number].append(value)
    name = _joined(fields[_NAME]).decode()
    kinds = _integers(fields[_DATA_TYPE])
    if not kinds or kinds[-1] not in _DTYPES:
        raise ValueError(f"the tensor {name!r} has numbers of the type {kinds}")
    dtype = _DTYPES[kinds[-1]]
    try:
        if fields[_INTEGERS]:
            found = np.array(_integers(fields[_INTEGERS]), np.int64).astype(dtype)
        else:
            found = np.frombuffer(_joined(fields[_RAW_DATA] + fields[_FLOATS]), dtype)
        return name, found.reshape(_integers(fields[_DIMS]))
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"the tensor {name!r}: {exc}") from exc


def _joined(values: Iterable[int | memoryview]) -> bytes:
    return b"".join(value for value in values if isinstance(value, memoryview))


def _integers(values: Iterable[int | memoryview]) -> list[int]:
    """Numbers that may be written one by one, or several in one field."""
    found: list[int] = []
    for value in values:
        found += [value] if isinstance(value, int) else _varints(value)
    return [number - (1 << 64) if number >> 63 else number for number in found]


def _parts(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """The messages in the fields of one number."""
    for number, value in _fields(message):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """``(number, value)`` of every field."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            n_bytes, at = _varint(message, at)
        elif wire in (_FIXED64, _FIXED32):
            n_bytes = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"a field has the wire type {wire}")
        if n_bytes > len(message) - at:
            raise ValueError("a field ends behind its message")
        yield key >> 3, message[at : at + n_bytes]
        at += n_bytes


def _varints(packed: memoryview) -> list[int]:
    found, at = [], 0
    while at < len(packed):
        value, at = _varint(packed, at)
        found.append(value)
    return found


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = 0
    for i, byte in enumerate(message[at : at + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("a number has no end")
