"""The arrays of a CTranslate2 ``model.bin`` as float32, one at a time.

Knows nothing about what they are for. Weights stored in 8 or 16 bits come back as the numbers that
they stand for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelUnusable
from auricle.models import model_bin

_DTYPES = ("<f4", "i1", "<i2", "<i4", "<f2", "<u2")
"""By CTranslate2's numbers of types; bfloat16, which numpy lacks, is read as the upper half of a
float32."""

_BFLOAT16 = 5


class Weights:
    """The variables of one file, which must stay where it is while they are read."""

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            ModelUnusable: it is no Whisper model, or damaged.
        """
        self.path = path
        self._stored = model_bin.variables(path)

    def __contains__(self, name: str) -> bool:
        return name in self._stored

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """The array of that name. Raises `ModelUnusable` when there is none, or it holds what is no
        number: rounded to 8 bits, that would be another number, and the text another text."""
        values = self._read(name)
        if f"{name}_scale" in self._stored:
            scale = self._read(f"{name}_scale").astype(np.float32)
            values = values / scale.reshape(*scale.shape, *[1] * (values.ndim - scale.ndim))
        found = np.ascontiguousarray(values, np.float32)
        if not np.isfinite(found).all():
            raise ModelUnusable(f"{self.path} is damaged: {name} holds values that are no numbers")
        return found

    def shape(self, name: str) -> tuple[int, ...]:
        """Of the array of that name. Raises `ModelUnusable` when there is none."""
        return self._found(name).shape

    def number(self, name: str) -> int:
        """A variable that holds one integer. Raises `ModelUnusable` when it does not."""
        return model_bin.whole_number(self.path, self._found(name))

    def layers(self, side: str) -> int:
        """How many layers ``encoder`` or ``decoder`` have."""
        ending = "/ffn/linear_0/weight"
        return sum(name.startswith(f"{side}/layer_") and name.endswith(ending) for name in self)

    def __iter__(self) -> Any:
        return iter(self._stored)

    def _found(self, name: str) -> model_bin.Variable:
        if name not in self._stored:
            raise ModelUnusable(f"{self.path} lacks the variable {name}")
        return self._stored[name]

    def _read(self, name: str) -> NDArray[Any]:
        variable = self._found(name)
        with self.path.open("rb") as file:
            file.seek(variable.offset)
            raw = file.read(variable.n_bytes)
        values = np.frombuffer(raw, _DTYPES[variable.dtype]).reshape(variable.shape)
        if variable.dtype == _BFLOAT16:
            return (values.astype(np.uint32) << 16).view(np.float32)
        return values
