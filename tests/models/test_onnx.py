"""Tensors of an ONNX file are read, and nothing that is wrong with one does harm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import ModelUnusable
from auricle.models import registry
from auricle.models.fetch import FetchOptions, obtain
from auricle.models.onnx import read_tensors
from auricle.models.progress import Bar
from auricle.settings.config import Settings


def varint(value: int) -> bytes:
    value %= 1 << 64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: str, kind: int, shape: list[int], *data: bytes) -> bytes:
    sizes = b"".join(field(1, size) for size in shape)
    return field(5, sizes + field(2, kind) + b"".join(data) + field(8, name.encode()))


def model(*tensors: bytes) -> bytes:
    graph = field(1, b"node") + b"".join(tensors)
    return field(1, 10) + field(2, b"maker") + field(7, graph)


NUMBERS = np.arange(6, dtype="<f4").reshape(2, 3)
WHOLE = model(
    tensor("matrix", 1, [2, 3], field(9, NUMBERS.tobytes())),
    tensor("bytes", 3, [2], field(5, varint(-7) + varint(5))),
    tensor("scale", 1, [], field(4, np.float32(0.5).tobytes())),
    tensor("counts", 7, [3], field(9, np.array([1, 2, 3], "<i8").tobytes())),
    varint(9 << 3 | 1) + bytes(8) + varint(10 << 3 | 5) + bytes(4),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


def test_tensors_by_name(path):
    path.write_bytes(WHOLE)
    found = read_tensors(path)
    assert {name: value.tolist() for name, value in found.items()} == {
        "matrix": [[0, 1, 2], [3, 4, 5]],
        "bytes": [-7, 5],
        "scale": 0.5,
        "counts": [1, 2, 3],
    }
    assert {name: value.dtype.str for name, value in found.items()} == {
        "matrix": "<f4",
        "bytes": "|i1",
        "scale": "<f4",
        "counts": "<i8",
    }


def test_sizes_may_be_packed(path):
    packed = field(1, varint(2) + varint(3)) + field(2, 1) + field(9, NUMBERS.tobytes())
    path.write_bytes(model(field(5, packed + field(8, b"matrix"))))
    assert read_tensors(path)["matrix"].shape == (2, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHOLE[:-9], "a field ends behind its message"),
        (b"\xff" * 12, "a number has no end"),
        (varint(7 << 3 | 3), "a field has the wire type 3"),
        (model(tensor("x", 16, [1], field(9, b"ab"))), r"'x' has numbers of the type \[16\]"),
        (model(field(5, field(8, b"x"))), r"'x' has numbers of the type \[\]"),
        (model(tensor("x", 1, [3], field(9, NUMBERS.tobytes()))), "the tensor 'x': cannot reshape"),
        (model(tensor("x", 1, [1], field(9, b"abc"))), "the tensor 'x': buffer size"),
        (model(tensor("x", 1, [2**62, 4])), "the tensor 'x': "),
        (model(tensor("x", 7, [1], field(5, b"\xff" * 9 + b"\x7f"))), "the tensor 'x': "),
        (model(field(5, field(8, b"\xff") + field(2, 1))), "invalid start byte"),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(path, content, reason):
    path.write_bytes(content)
    with pytest.raises(
        ModelUnusable, match=f"model.onnx is damaged, or not an ONNX file: .*{reason}"
    ):
        read_tensors(path)


def test_a_file_that_is_not_there(path):
    with pytest.raises(ModelUnusable, match=r"cannot read .*model\.onnx: No such file"):
        read_tensors(path)


def test_a_file_without_tensors_has_none(path):
    path.write_bytes(b"")
    assert read_tensors(path) == {}


@given(at=st.integers(0, len(WHOLE) - 1), put=st.binary(min_size=1, max_size=12))
def test_a_changed_file_is_read_or_refused(path, at, put):
    path.write_bytes(WHOLE[:at] + put + WHOLE[at + len(put) :])
    try:
        found = read_tensors(path)
    except ModelUnusable:
        return
    assert all(isinstance(value, np.ndarray) for value in found.values())


@pytest.mark.model
def test_the_real_file():
    folder = obtain(registry.TURNS, FetchOptions.of(Settings()), Bar())
    tensors = read_tensors(folder / registry.TURNS.files[0].name)
    assert (len(tensors), sum(each.size for each in tensors.values())) == (324, 8_033_089)
