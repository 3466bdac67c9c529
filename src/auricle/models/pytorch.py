"""Read the tensors of a PyTorch checkpoint: a zip archive of raw storages and a pickle of names.

Knows nothing about models. The pickle is never given to ``pickle``: a list of the opcodes that such
checkpoints consist of is carried out here on plain values, and nothing that it names is imported or
called. Anything else in it is refused.
"""

from __future__ import annotations

import math
import pickletools
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelUnusable

Tensor = NDArray[Any]

MAX_PICKLE_BYTES = 4 * 1024 * 1024
"""The pickle of 937 tensors has 0.1 MB."""

MAX_DEPTH = 3
"""Dictionaries within one another; a checkpoint has one or two."""

MAX_STORAGE_BYTES = 512 * 1024 * 1024

_STORAGES: dict[str, np.dtype[Any]] = {
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch LongStorage": np.dtype("<i8"),
}
_TENSOR = "torch._utils _rebuild_tensor_v2"
_DICT = "collections OrderedDict"
_IGNORED = frozenset(
    {
        "torch.torch_version TorchVersion",
        "pyannote.audio.core.task Specifications",
        "pyannote.audio.core.task Problem",
        "pyannote.audio.core.task Resolution",
    }
)
"""Facts about the model that a checkpoint carries beside its weights: read as None."""

_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged archive or pickle may raise; RuntimeError is a wish for a password."""

_MARK = object()


class _Global(str):
    """A name that the pickle would import."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of the checkpoint by its dotted name, inner dictionaries joined by dots.

    Raises:
        ModelUnusable: the file is damaged, or its pickle does anything but name tensors and facts.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            storages = _Storages(archive)
            return dict(_tensors(_Pickle(storages).run(storages.pickle()), (), MAX_DEPTH))
    except OSError as exc:
        raise ModelUnusable(f"cannot read {path}: {exc.strerror or exc}") from exc
    except _DAMAGE as exc:
        raise ModelUnusable(f"{path} is damaged, or not a checkpoint of tensors: {exc}") from exc


def _tensors(value: Any, path: tuple[str, ...], depth: int) -> list[tuple[str, Tensor]]:
    if isinstance(value, np.ndarray):
        return [(".".join(path), value)]
    if not isinstance(value, dict) or depth == 0:
        return []
    return [pair for key, each in value.items() for pair in _tensors(each, (*path, key), depth - 1)]


class _Storages:
    """The members of the archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        named = [name for name in archive.namelist() if PurePosixPath(name).name == "data.pkl"]
        if len(named) != 1:
            raise ValueError("it has no data.pkl")
        self._pickle = named[0]
        self._folder = PurePosixPath(named[0]).parent
        self._known: dict[str, bytes] = {}
        """What was read, as several tensors may be parts of one: all of an LSTM are."""

    def pickle(self) -> bytes:
        return self._read(self._pickle, MAX_PICKLE_BYTES)

    def numbers(self, key: str, dtype: np.dtype[Any]) -> Tensor:
        if key not in self._known:
            self._known[key] = self._read(str(self._folder / "data" / key), MAX_STORAGE_BYTES)
        return np.frombuffer(self._known[key], dtype)

    def _read(self, name: str, max_bytes: int) -> bytes:
        if self._archive.getinfo(name).file_size > max_bytes:
            raise ValueError(f"{name} is larger than {max_bytes} bytes")
        return self._archive.read(name)


class _Pickle:
    """The stack machine of a pickle, as far as checkpoints use it (Python's pickletools describes
    every opcode)."""

    def __init__(self, storages: _Storages) -> None:
        self._storages = storages
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, pickle: bytes) -> Any:
        """Carry out ``pickle`` and return the value it leaves."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # texts with unknown escapes
            return self._run(pickle)

    def _run(self, pickle: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(pickle):
            if opcode.name == "STOP":
                (result,) = self._pop(1)
                return result
            if opcode.name == "PROTO":
                continue
            if opcode.name not in _ACTIONS:
                raise ValueError(f"the opcode {opcode.name} is not allowed")
            _ACTIONS[opcode.name](self, argument)
        raise ValueError("the pickle has no end")

    def _pop(self, n: int) -> list[Any]:
        if len(self._stack) < n or any(each is _MARK for each in self._stack[-n:]):
            raise ValueError("the pickle takes what is not there")
        taken = self._stack[-n:]
        del self._stack[-n:]
        return taken

    def _since_mark(self) -> list[Any]:
        at = next((i for i in reversed(range(len(self._stack))) if self._stack[i] is _MARK), None)
        if at is None:
            raise ValueError("the pickle goes back to a mark it never set")
        taken = self._stack[at + 1 :]
        del self._stack[at:]
        return taken

    def _ignore_attributes(self, _: Any) -> None:
        self._pop(1)  # of an object that is not made

    def _tuple(self, n: int) -> None:
        self._stack.append(tuple(self._pop(n)))

    def _put(self, key: int) -> None:
        (self._memo[key],) = self._pop(1)
        self._stack.append(self._memo[key])

    def _get(self, key: int) -> None:
        self._stack.append(self._memo[key])

    def _set_items(self, items: list[Any]) -> None:
        (target,) = self._pop(1)
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("the pickle sets items of what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):
                raise TypeError("the pickle has a key that is not a text")
            target[key] = value
        self._stack.append(target)

    def _append(self, items: list[Any]) -> None:
        (target,) = self._pop(1)
        if not isinstance(target, list):
            raise TypeError("the pickle appends to what is no list")
        self._stack.append([*target, *items])

    def _storage(self) -> None:
        """``('storage', type, key, device, n_numbers)`` → the numbers of that member."""
        ((kind, storage, key, _, n_numbers),) = self._pop(1)
        if kind != "storage" or not isinstance(storage, _Global) or storage not in _STORAGES:
            raise ValueError("a storage of another type is not allowed")
        if not isinstance(key, str) or not key.isalnum():
            raise ValueError("a storage has no proper name")
        numbers = self._storages.numbers(key, _STORAGES[str(storage)])
        if len(numbers) != n_numbers:
            raise ValueError(f"the storage {key} has {len(numbers)} numbers")
        self._stack.append(numbers)

    def _call(self, _: Any) -> None:
        function, arguments = self._pop(2)
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise TypeError("the pickle calls what is no name")
        if function == _TENSOR:
            self._stack.append(_strided(*arguments))
        elif function == _DICT and arguments == ():
            self._stack.append({})
        elif function in _IGNORED:
            self._stack.append(None)
        else:
            raise ValueError(f"{function!s} is not allowed")


_ACTIONS: Mapping[str, Callable[[_Pickle, Any], None]] = {
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE"),
        lambda machine, value: machine._stack.append(value),
    ),
    "GLOBAL": lambda machine, name: machine._stack.append(_Global(name)),
    "NEWTRUE": lambda machine, _: machine._stack.append(True),
    "NEWFALSE": lambda machine, _: machine._stack.append(False),
    "NONE": lambda machine, _: machine._stack.append(None),
    "MARK": lambda machine, _: machine._stack.append(_MARK),
    "EMPTY_DICT": lambda machine, _: machine._stack.append({}),
    "EMPTY_LIST": lambda machine, _: machine._stack.append([]),
    "EMPTY_TUPLE": lambda machine, _: machine._stack.append(()),
    "TUPLE": lambda machine, _: machine._stack.append(tuple(machine._since_mark())),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Pickle._put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Pickle._get),
    "SETITEM": lambda machine, _: machine._set_items(machine._pop(2)),
    "SETITEMS": lambda machine, _: machine._set_items(machine._since_mark()),
    "APPENDS": lambda machine, _: machine._append(machine._since_mark()),
    "BINPERSID": lambda machine, _: machine._storage(),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Pickle._call),
    "BUILD": _Pickle._ignore_attributes,
}
"""What each opcode does. Not in the machine, which would refer to itself: its tensors would stay
until somebody looks for such circles."""


def _strided(numbers: Tensor, offset: int, shape: Any, strides: Any, *_: Any) -> Tensor:
    """The part of a storage that a tensor is; only whole, contiguous ones are allowed."""
    if not isinstance(numbers, np.ndarray) or not _are_sizes((offset, *shape, *strides)):
        raise ValueError("a tensor is not described by numbers")
    n = math.prod(shape)
    rest, expected = n, []
    for length in shape:
        rest //= max(length, 1)
        expected.append(rest)
    contiguous = all(a == b or n_ == 1 for a, b, n_ in zip(strides, expected, shape, strict=True))
    if n and not contiguous:
        raise ValueError(f"a tensor of shape {shape} has the strides {strides}")
    if offset + n > len(numbers):
        raise ValueError("a tensor lies outside its storage")
    return numbers[offset : offset + n].reshape(shape)


def _are_sizes(values: tuple[Any, ...]) -> bool:
    return all(type(value) is int and 0 <= value < 2**31 for value in values)
