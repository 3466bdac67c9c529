"""A `Network` computed by OpenVINO: an encoder and a decoder that one thread uses at a time.

Knows nothing about search. Of an encoded window there are keys and values of the decoder's
cross-attention, as the encoder left them.
"""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from auricle.decoding.network import Floats, Ids, NetworkFailed, Step, StepOutput
from auricle.engine.openvino.graph import MASKED
from auricle.engine.openvino.shape import Dimensions, Formats
from auricle.whisper.dimensions import FRAMES_PER_STATE, MAX_POSITIONS

_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""Elsewhere than on Unix that is so anyway."""

CrossAttention = dict[str, NDArray[Any]]
"""Keys and values of a window's cross-attention by their names in the graphs, ``(1, ...)``;
bfloat16, which numpy lacks, as 16-bit numbers. Those of windows that were searched together are
parts of larger arrays."""


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """Within it, what OpenVINO raises, and a system without memory, is a network that failed."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as exc:
        raise NetworkFailed(f"OpenVINO failed: {str(exc) or 'no memory'}") from exc


@_failing()
def cross_attention(
    request: Any, mel: Floats, size: Dimensions, formats: Formats
) -> CrossAttention:
    """Keys and values of a window with features ``(n_mels, n_frames)``, made where they stay.

    Raises:
        NetworkFailed: OpenVINO failed, or there is no memory for them.
    """
    n_states = mel.shape[1] // FRAMES_PER_STATE
    shared = _room(size, formats, n_states)
    request.set_tensor("mel", openvino.Tensor(np.ascontiguousarray(mel[None])))
    _bind(request, shared, formats)
    try:
        request.infer()
    finally:
        _bind(request, _nothing(size, formats), formats)
    return shared


class OpenVinoNetwork:
    """One request of the decoder's graph, for one search at a time."""

    def __init__(self, request: Any, size: Dimensions, formats: Formats) -> None:
        self.windows: Mapping[int, CrossAttention] = {}
        """Those that are searched; set by whoever searches."""
        self._request = request
        self._size = size
        self._formats = formats
        self._nothing = _nothing(size, formats)
        self._bound = self._nothing
        self._rows: list[CrossAttention] = []
        """Whose keys and values lie in which row of what is bound."""

    @_failing()
    def begin(self, windows: Sequence[int]) -> None:
        found = self._rows = [self.windows[window] for window in windows]
        self._bound = found[0] if len(found) == 1 else self._together(found)
        self._request.reset_state()
        self._bind(len(found))

    def keep(self, places: Sequence[int]) -> None:
        """Those that leave change places with others: they may be asked for again."""
        rows = self._rows
        for to, place in enumerate(places):
            if to != place:
                rows[to], rows[place] = rows[place], rows[to]
                for name, values in self._bound.items():
                    values[[to, place]] = values[[place, to]]
                    for row in (to, place):
                        rows[row][name] = values[row : row + 1]
        self._bind(len(places))

    def end(self) -> None:
        """Let go of the windows, whose memory others can use then."""
        _bind(self._request, self._nothing, self._formats)
        self.windows, self._bound, self._rows = {}, self._nothing, []

    @_failing()
    def step(self, step: Step) -> StepOutput:
        positions = np.arange(step.ids.shape[1]) + step.n_before
        if step.gaps is not None:
            positions = positions - (step.gaps[:, 1:] - step.gaps[:, :1])
        # what fills up shorter rows, and is never looked at, may lie behind all positions
        positions = np.broadcast_to(np.minimum(positions, MAX_POSITIONS - 1), step.ids.shape)
        for name, values in (
            ("ids", step.ids),
            ("positions", positions),
            ("beam", step.parents),
            ("mask", _mask(step)),
            ("at", step.at),
            ("suppress", step.suppress),
        ):
            self._request.set_tensor(name, openvino.Tensor(np.ascontiguousarray(values)))
        self._request.infer()
        has_attention = bool(self._size.alignment_heads)
        text = self._result("text")
        if text.shape != (*step.at.shape, self._size.end_of_text):
            # without AVX-512, 8-bit graphs gave empty arrays and no error
            raise NetworkFailed(f"OpenVINO gave logits of shape {text.shape}")
        return StepOutput(
            text=text,
            rest=self._result("rest"),
            top_values=self._result("top_values"),
            top_ids=self._ids("top_ids"),
            log_sum=self._result("log_sum"),
            attention=self._result("attention") if has_attention else None,
        )

    def _together(self, windows: Sequence[CrossAttention]) -> CrossAttention:
        """All of their keys and values in one array for each layer, where each window has its
        own from then on: a copy would take as much memory again."""
        joined: CrossAttention = {}
        for name, first in windows[0].items():
            joined[name] = values = _mapped((len(windows), *first.shape[1:]), first.dtype)
            for place, window in enumerate(windows):
                values[place] = window[name][0]
                window[name] = values[place : place + 1]
        return joined

    def _bind(self, n_windows: int) -> None:
        parts = {name: values[:n_windows] for name, values in self._bound.items()}
        _bind(self._request, parts, self._formats)

    def _result(self, name: str) -> Floats:
        values: Floats = self._request.get_tensor(name).data
        return values

    def _ids(self, name: str) -> Ids:
        values: Ids = self._request.get_tensor(name).data
        return values


@cache
def _nothing(size: Dimensions, formats: Formats) -> CrossAttention:
    """What is bound to requests that are not used, so that they hold no window."""
    return _room(size, formats, 1)


def _room(size: Dimensions, formats: Formats, n_states: int) -> CrossAttention:
    """Room for keys and values of one window."""
    dtype = np.dtype(np.uint16 if formats.shared_bf16 else np.float32)
    values = (1, size.n_heads, n_states, size.head_width)
    keys = values if formats.keys_by_state else (*values[:2], *values[:1:-1])
    return {
        f"{short}{layer}": _mapped(shape, dtype)
        for layer in range(size.n_decoder_layers)
        for short, shape in (("k", keys), ("v", values))
    }


def _mapped(shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Memory from the system, which has it back as soon as nobody holds it: between buffers of all
    sizes it would leave gaps in a heap that gives nothing back."""
    n = math.prod(shape)
    mapped = mmap.mmap(-1, n * dtype.itemsize, **_PRIVATE)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # of a kernel that has none
            mapped.madvise(mmap.MADV_HUGEPAGE)  # a fault for each 2 MB instead of each 4 kB
    return np.frombuffer(mapped, dtype, n).reshape(shape)


def _bind(request: Any, shared: CrossAttention, formats: Formats) -> None:
    """Have a request read or write keys and values where they are, which somebody must hold."""
    dtype = openvino.Type.bf16 if formats.shared_bf16 else openvino.Type.f32
    for name, values in shared.items():
        tensor = openvino.Tensor(values, openvino.Shape(list(values.shape)), dtype)
        request.set_tensor(name, tensor)


def _mask(step: Step) -> Floats:
    """Nobody sees what comes later, nor what is to be forgotten, ``(R, 1, S, L)``."""
    (n_rows, n_new), n_before = step.ids.shape, step.n_before
    later = np.triu(np.full((n_new, n_before + n_new), MASKED), n_before + 1)
    mask = np.broadcast_to(later, (n_rows, 1, n_new, n_before + n_new)).astype(np.float32)
    for row, (first, until) in enumerate(() if step.gaps is None else step.gaps):
        mask[row, :, :, first:until] = MASKED
    return mask
