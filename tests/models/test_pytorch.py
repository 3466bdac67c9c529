"""Checkpoints of PyTorch: tensors come out, and whatever else a pickle may ask for is refused."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import ModelUnusable
from auricle.models import registry
from auricle.models.fetch import FetchOptions, obtain
from auricle.models.progress import Bar
from auricle.models.pytorch import read_tensors
from auricle.settings.config import Settings

NUMBERS = np.arange(6, dtype="<f4")
START, STOP = b"\x80\x02", b"."


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def imported(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def sizes(*values: int) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def tensor(
    shape=(2, 3), strides=(3, 1), offset=0, key="0", storage="FloatStorage", n_numbers=6
) -> bytes:
    names = text("storage"), imported("torch", storage), text(key), text("cpu")
    stored = b"".join([b"(", *names, b"J", struct.pack("<i", n_numbers), b"tQ"])
    parts = [imported("torch._utils", "_rebuild_tensor_v2"), b"(", stored]
    parts += [b"J", struct.pack("<i", offset), sizes(*shape), sizes(*strides), b"\x89"]
    return b"".join([*parts, imported("collections", "OrderedDict"), b")RtR"])


def named(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


def write(path: Path, body: bytes, folder: str = "archive") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", START + body + STOP)
        archive.writestr(f"{folder}/data/0", NUMBERS.tobytes())
    return path


def test_tensors_by_dotted_name(tmp_path):
    facts = (
        imported("pyannote.audio.core.task", "Specifications") + b")\x81" + named(a=b"\x88") + b"b"
    )
    body = named(state_dict=named(w=tensor(), b=tensor((6,), (1,))), facts=facts, epoch=b"K\x03")
    found = read_tensors(write(tmp_path / "model.bin", body, "model"))
    assert {name: value.tolist() for name, value in found.items()} == {
        "state_dict.w": [[0, 1, 2], [3, 4, 5]],
        "state_dict.b": [0, 1, 2, 3, 4, 5],
    }


def test_a_part_of_a_storage(tmp_path):
    body = named(w=tensor((2, 1), (1, 7), offset=4))
    assert read_tensors(write(tmp_path / "model.bin", body))["w"].tolist() == [[4], [5]]


def test_parts_of_one_storage_share_its_memory(tmp_path):
    """All weights of an LSTM are parts of one: 5 MB were read 32 times."""
    body = named(a=tensor((2, 1), (1, 7), offset=4), b=tensor((6,), (1,)))
    found = read_tensors(write(tmp_path / "model.bin", body))
    assert np.shares_memory(found["a"], found["b"])


class Touch:
    """Its pickle makes a file when anything loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_called(tmp_path, protocol):
    path = tmp_path / "model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        evil = pickle.dumps(Touch(tmp_path / "made"), protocol)
        archive.writestr("archive/data.pkl", evil)
    with pytest.raises(ModelUnusable, match=r"is not allowed|is damaged"):
        read_tensors(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (imported("posix", "system") + b"(" + text("true") + b"tR", "posix system is not allowed"),
        (imported("torch.nn", "Linear") + b")\x81", "torch.nn Linear is not allowed"),
        (text("eval") + b")R", "calls what is no name"),
        (named(w=tensor(storage="QUInt8Storage")), "storage of another type"),
        (named(w=tensor(key="../0")), "no proper name"),
        (named(w=tensor(key="9")), "no item named 'archive/data/9'"),
        (named(w=tensor(n_numbers=7)), "the storage 0 has 6 numbers"),
        (named(w=tensor((2, 3), (1, 2))), r"has the strides \(1, 2\)"),
        (named(w=tensor((3, 3), (3, 1))), "lies outside its storage"),
        (named(w=tensor((-1, 3), (3, 1))), "not described by numbers"),
        (b"K\x01K\x02s", "takes what is not there"),
        (b"t", "a mark it never set"),
        (b"h\x07", "is damaged"),
        (b"\x8a\x01\x01", "the opcode LONG1 is not allowed"),
        (b"}(K\x01K\x02u", "a key that is not a text"),
    ],
)
def test_what_is_refused(tmp_path, body, reason):
    with pytest.raises(ModelUnusable, match=reason):
        read_tensors(write(tmp_path / "model.bin", body))


def test_a_dictionary_within_itself_ends(tmp_path):
    """Reading the names of one went on until Python had no more stack."""
    body = b"}q\x00" + text("again") + b"h\x00s" + text("w") + tensor() + b"s"
    found = read_tensors(write(tmp_path / "model.bin", body))
    assert sorted(found) == ["again.again.w", "again.w", "w"]


def test_no_archive(tmp_path):
    path = tmp_path / "model.bin"
    with pytest.raises(ModelUnusable, match="cannot read"):
        read_tensors(path)
    path.write_bytes(b"no archive")
    with pytest.raises(ModelUnusable, match="is damaged"):
        read_tensors(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/other", b"")
    with pytest.raises(ModelUnusable, match=r"no data\.pkl"):
        read_tensors(path)


@given(
    cuts=st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 8), st.binary(max_size=8)), max_size=4
    )
)
def test_a_changed_pickle_is_read_or_refused(tmp_path, cuts):
    body = named(state_dict=named(w=tensor(), b=tensor((6,), (1,))))
    for at, n, put in cuts:
        body = body[: at % len(body)] + put + body[at % len(body) + n :]
    try:
        found = read_tensors(write(tmp_path / "model.bin", body))
    except ModelUnusable:
        return
    assert all(isinstance(value, np.ndarray) for value in found.values())


@given(at=st.integers(0, 10_000), put=st.binary(min_size=1, max_size=16))
def test_a_changed_archive_is_read_or_refused(tmp_path, at, put):
    path = write(tmp_path / "model.bin", named(w=tensor()))
    whole = path.read_bytes()
    path.write_bytes(whole[: at % len(whole)] + put + whole[at % len(whole) + len(put) :])
    try:
        found = read_tensors(path)
    except ModelUnusable:
        return
    assert all(isinstance(value, np.ndarray) for value in found.values())


@pytest.mark.model
def test_the_real_checkpoints():
    folder = obtain(registry.SPEAKERS, FetchOptions.of(Settings()), Bar())
    sums = {}
    for file in registry.SPEAKERS.files:
        tensors = read_tensors(folder / file.name)
        sums[file.name] = (len(tensors), sum(each.size for each in tensors.values()))
    assert sums == {
        "pytorch_model.bin": (54, 1_473_515),
        "campplus_cn_en_common.pt": (937, 6_930_842),
    }
