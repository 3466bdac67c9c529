"""Read tensors from safetensors files, one or several with an index.

Knows nothing about models. The format is a little-endian 64-bit header length, a JSON header that
says where each tensor lies, and the raw bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from auricle.errors import UNDECODABLE, ModelUnusable

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

Tensor = NDArray[Any]
"""A weight of any shape, float16 or float32; mapped from its file where it needs no conversion."""

_MAX_HEADER_BYTES = 100 * 1024 * 1024
_DTYPES: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "BF16": np.dtype("<u2"),
}


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


class _Place(msgspec.Struct):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Every tensor of ``model.safetensors`` or of the shards its index names.

    All have one type: float16 if every one is stored so, else float32, which holds float16 and
    bfloat16 values exactly.

    Raises:
        ModelUnusable: naming the file that is missing or damaged, or the tensor of another type.
    """
    if (folder / INDEX).is_file():
        try:
            index = msgspec.json.decode((folder / INDEX).read_bytes(), type=_Index)
        except (OSError, *UNDECODABLE) as exc:
            raise ModelUnusable(f"cannot read {folder / INDEX}: {exc}") from exc
        names = sorted(set(index.weight_map.values()))
    else:
        names = [SINGLE]
    tensors: dict[str, Tensor] = {}
    for name in names:
        if Path(name).name != name:
            raise ModelUnusable(f"{folder / INDEX} names a file outside its folder: {name!r}")
        tensors |= _read_file(folder / name)
    if {tensor.dtype for tensor in tensors.values()} != {np.dtype("float16")}:
        tensors = {name: tensor.astype(np.float32, copy=False) for name, tensor in tensors.items()}
    return tensors


def _read_file(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb") as file:
            (header_bytes,) = struct.unpack("<Q", file.read(8))
            if header_bytes > _MAX_HEADER_BYTES:
                raise ModelUnusable(f"{path} is not a safetensors file")
            header = msgspec.json.decode(file.read(header_bytes), type=dict[str, msgspec.Raw])
        header.pop("__metadata__", None)
        places = {name: msgspec.json.decode(raw, type=_Place) for name, raw in header.items()}
        raw = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + header_bytes)
        return {name: _tensor(raw, name, place) for name, place in places.items()}
    except OSError as exc:
        raise ModelUnusable(f"cannot read {path}: {exc.strerror or exc}") from exc
    except (struct.error, ValueError, *UNDECODABLE) as exc:
        raise ModelUnusable(f"{path} is damaged or cut short: {exc}") from exc


def _tensor(raw: NDArray[np.uint8], name: str, place: _Place) -> Tensor:
    dtype = _DTYPES.get(place.dtype)
    if dtype is None:
        raise ModelUnusable(
            f"the tensor {name} has type {place.dtype}; allowed are {', '.join(_DTYPES)}"
        )
    start, end = place.data_offsets
    if not 0 <= start <= end <= len(raw):
        raise ValueError(f"{name} lies outside the file")
    values: Tensor = raw[start:end].view(dtype).reshape(place.shape)
    if place.dtype == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values
