"""The variables in a CTranslate2 ``model.bin``: names, shapes, and where in the file they lie.

Knows nothing about Whisper, nor what the values mean.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from auricle.errors import ModelUnusable

_SPEC = "WhisperSpec"
_FORMAT_VERSIONS = range(4, 7)
_MAX_VARIABLES = 100_000  # large-v3 has 1,263; a larger number is not a model
_MAX_RANK = 8

ITEM_BYTES = (4, 1, 2, 4, 2, 2)
"""Bytes of a value by CTranslate2's number of its type: float32, int8, int16, int32, float16,
bfloat16, the order of its ``DataType``."""


class Variable(NamedTuple):
    """Where in ``model.bin`` an array lies. ``dtype`` is CTranslate2's number for its type."""

    shape: tuple[int, ...]
    dtype: int
    offset: int
    n_bytes: int


def variables(path: Path) -> dict[str, Variable]:
    """Every variable of a Whisper model, by each of its names; takes milliseconds.

    Raises:
        ModelUnusable: the file is of another kind, cut short or damaged.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise ModelUnusable(f"{path} is empty")
        with path.open("rb") as file:
            return _walk(file, path, size)
    except (struct.error, UnicodeDecodeError) as exc:
        raise ModelUnusable(f"{path} is cut short or damaged ({size:,} bytes)") from exc
    except OSError as exc:
        raise ModelUnusable(f"cannot read {path}: {exc.strerror}") from exc


def whole_number(path: Path, variable: Variable) -> int:
    """The value of a variable that holds a single integer.

    Raises:
        ModelUnusable: it does not.
    """
    if variable.shape not in ((), (1,)) or variable.dtype not in (1, 2, 3):
        raise ModelUnusable(f"{path} is damaged: a variable of shape {variable.shape} is no number")
    with path.open("rb") as file:
        file.seek(variable.offset)
        return int.from_bytes(file.read(variable.n_bytes), "little", signed=True)


def describe(path: Path) -> str:
    """What a file with weights in a foreign format is."""
    with path.open("rb") as file:
        start = file.read(4)
    if start in (b"lmgg", b"GGUF"):
        return "a whisper.cpp (ggml) file"
    if start[:2] == b"PK" or start[:1] == b"\x80":
        return "a PyTorch file"
    return "not a CTranslate2 model"


def _walk(file: BinaryIO, path: Path, size: int) -> dict[str, Variable]:
    (version,) = _unpack(file, "<I")
    if version not in _FORMAT_VERSIONS:
        raise ModelUnusable(
            f"{path} is {describe(path)}, or of a format version this Auricle does not know"
        )
    spec = _string(file)
    if spec != _SPEC:
        raise ModelUnusable(f"{path} is a {spec} model, not a {_SPEC}")
    _revision, n_variables = _unpack(file, "<II")
    if n_variables > _MAX_VARIABLES:
        raise ModelUnusable(f"{path} is damaged: its header announces {n_variables:,} variables")
    found: dict[str, Variable] = {}
    for _ in range(n_variables):
        name = _string(file)
        (rank,) = _unpack(file, "<B")
        if rank > _MAX_RANK:
            raise ModelUnusable(f"{path} is damaged: {name} has {rank} dimensions")
        shape = _unpack(file, f"<{rank}I")
        dtype, n_bytes = _unpack(file, "<BI")
        found[name] = variable = Variable(shape, dtype, file.tell(), n_bytes)
        _check(path, name, variable)
        end = file.seek(n_bytes, os.SEEK_CUR)
        if end > size:
            raise ModelUnusable(
                f"{path} is cut short: it has {size:,} bytes, and {name} alone ends at {end:,}"
            )
    (n_aliases,) = _unpack(file, "<I")
    for _ in range(min(n_aliases, _MAX_VARIABLES)):
        alias, name = _string(file), _string(file)
        if name in found:
            found[alias] = found[name]
    if file.tell() != size:
        raise ModelUnusable(
            f"{path} has {size:,} bytes, its header accounts for {file.tell():,}: it is damaged"
        )
    return found


def _check(path: Path, name: str, variable: Variable) -> None:
    """Raise `ModelUnusable` where a variable's shape does not account for its bytes."""
    if variable.dtype >= len(ITEM_BYTES):
        raise ModelUnusable(f"{path} is damaged: {name} is of an unknown type ({variable.dtype})")
    n_bytes = math.prod(variable.shape) * ITEM_BYTES[variable.dtype]
    if n_bytes != variable.n_bytes:
        raise ModelUnusable(
            f"{path} is damaged: {name} has {variable.n_bytes:,} bytes, "
            f"its shape {variable.shape} needs {n_bytes:,}"
        )


def _unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<H")  # counts the closing NUL
    (text,) = struct.unpack(f"{length}s", file.read(length))
    return str(text[:-1], "utf-8")
