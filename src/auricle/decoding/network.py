"""What a decoder network is to a search: tokens of some rows go in, what may follow comes out.

Knows nothing about how it computes. A row is a text that grows; rows of one window stand together,
equally many for each window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class NetworkFailed(Exception):
    """What the network answered is no number: nothing may be concluded from it."""


class Step(NamedTuple):
    """New tokens of R rows, S of each."""

    ids: Ids
    """``(R, S)``."""
    n_before: int
    """Tokens that each row had before."""
    parents: NDArray[np.int32]
    """``(R,)``: the row of the step before that each row goes on from."""
    at: Ids
    """``(R, P)``: which of a row's S tokens it is asked about what may follow them."""
    suppress: Floats
    """``(1, end_of_text)``, or one row for each of P: added to the logits of text."""
    gaps: NDArray[np.int64] | None = None
    """``(R, 2)``: tokens before, from the first number on and until the second, that each row is to
    forget, as if it had never had them; None: no row is."""


class StepOutput(NamedTuple):
    """What may follow, for R rows and P places."""

    text: Floats
    """``(R, P, end_of_text)``: logits of text, suppressed ones far below all others."""
    rest: Floats
    """``(R, P, n_rest)``: logits of end-of-text and all tokens behind it, timestamps last."""
    top_values: Floats
    """``(R, P, n_top)``: the best logits of text, the best first."""
    top_ids: Ids
    """Their tokens."""
    log_sum: Floats
    """``(R, P)``: the logarithm of the sum of the exponentials of the logits of text."""
    attention: Floats | None
    """``(n_heads, n_windows, R / n_windows * S, n_states)``: of the heads that align words."""


class Network(Protocol):
    """Answers steps about windows. One search at a time."""

    def begin(self, windows: Sequence[int]) -> None:
        """Forget all rows; those of the next step are texts of these windows."""
        ...

    def keep(self, places: Sequence[int]) -> None:
        """Of the windows, only those at these places are asked about from now on, in this
        order."""
        ...

    def step(self, step: Step) -> StepOutput: ...
