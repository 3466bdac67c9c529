"""A `Network` computed by OpenVINO: an encoder and a decoder that one thread uses at a time.

Knows nothing about search. Of an encoded window there are keys and values of the decoder's
cross-attention, as the encoder left them.
"""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from auricle.decoding.network import Floats, Ids, NetworkFailed, Step, StepOutput
from auricle.engine.openvino.decoder import text_width
from auricle.engine.openvino.graph import MASKED
from auricle.engine.openvino.shape import Dimensions, Formats
from auricle.system import resources
from auricle.whisper.dimensions import MAX_POSITIONS

_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""Elsewhere than on Unix that is so anyway."""

LARGE_BYTES = 32 * 1024 * 1024
"""Before windows whose keys and values take more are searched together, what glibc keeps of freed
memory is given back, so that it does not come on top: it takes some of the 2000 ms of such a
search."""

_BF16 = openvino.Type.bf16

CrossAttention = dict[str, NDArray[Any]]
"""Keys and values of a window's cross-attention by their names in the graphs, ``(1, ...)``;
bfloat16, which numpy lacks, as 16-bit numbers. Those of windows that were searched together are
parts of larger arrays."""


@contextlib.contextmanager
def failing() -> Iterator[None]:
    """Within it, what OpenVINO raises, and a system without memory, is a network that failed."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as exc:
        raise NetworkFailed(f"OpenVINO failed: {str(exc) or 'no memory'}") from exc


@failing()
def cross_attention(request: Any, mel: Floats) -> CrossAttention:
    """Keys and values of a window with features ``(n_mels, n_frames)``, where the graph leaves
    them: told to write elsewhere it copies them, and keeps its own, too. ``request`` is of no use
    for another window, which would take their place.

    Raises:
        NetworkFailed: OpenVINO failed, or there is no memory for them.
    """
    request.set_tensor("mel", openvino.Tensor(np.ascontiguousarray(mel[None])))
    request.infer(share_outputs=True)
    outputs = {output.any_name: request.get_tensor(output) for output in request.model_outputs}
    return {
        name: tensor.data.view(np.uint16 if tensor.element_type == _BF16 else np.float32)
        for name, tensor in outputs.items()
    }


class OpenVinoNetwork:
    """One request of the decoder's graph, for one search at a time."""

    def __init__(
        self,
        request: Any,
        size: Dimensions,
        formats: Formats,
        windows: Mapping[int, CrossAttention],
        ran: Callable[[], None] = lambda: None,
    ) -> None:
        """``windows``: those that are searched; ``ran`` is called after each step."""
        self._request = request
        self._size = size
        self._formats = formats
        self._windows = windows
        self._ran = ran
        self._bound: CrossAttention = {}
        self._suppressed: Floats | None = None
        self._rows: list[CrossAttention] = []
        """Whose keys and values lie in which row of what is bound."""

    @failing()
    def begin(self, windows: Sequence[int]) -> None:
        found = self._rows = [self._windows[window] for window in windows]
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
                    left = values[to].copy()
                    values[to] = values[place]
                    values[place] = left
                    for row in (to, place):
                        rows[row][name] = values[row : row + 1]
        self._bind(len(places))

    @failing()
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
        ):
            self._request.set_tensor(name, openvino.Tensor(np.ascontiguousarray(values)))
        self._suppress(step.suppress)
        self._request.infer(share_outputs=True)
        self._ran()
        has_attention = bool(self._size.alignment_heads)
        text = self._result("text")
        end = self._size.end_of_text
        if text.shape != (*step.at.shape, text_width(end)):
            # without AVX-512, 8-bit graphs gave empty arrays and no error
            raise NetworkFailed(f"OpenVINO gave logits of shape {text.shape}")
        return StepOutput(
            text=text[..., :end],
            rest=self._result("rest"),
            top_values=self._result("top_values"),
            top_ids=self._ids("top_ids"),
            log_sum=self._result("log_sum"),
            attention=self._result("attention") if has_attention else None,
        )

    def _suppress(self, added: Floats) -> None:
        """What is added to the logits of text; the same in most steps."""
        if added is not self._suppressed:
            n_more = text_width(added.shape[1]) - added.shape[1]
            filled = np.pad(added, ((0, 0), (0, n_more)), constant_values=MASKED)
            self._request.set_tensor("suppress", openvino.Tensor(filled))
            self._suppressed = added

    def _together(self, windows: Sequence[CrossAttention]) -> CrossAttention:
        """All of their keys and values in one array for each layer, where each window has its
        own from then on: a copy would take as much memory again."""
        if sum(a.nbytes for window in windows for a in window.values()) > LARGE_BYTES:
            resources.give_back_freed_memory()
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
    """Have a request read keys and values where they are, which somebody must hold."""
    dtype = _BF16 if formats.shared_bf16 else openvino.Type.f32
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
