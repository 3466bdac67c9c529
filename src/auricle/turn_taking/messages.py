"""What passes between the server and the process that runs the end-of-turn model.

Knows nothing about how either side works.
"""

from __future__ import annotations

import msgspec

from auricle.rpc.wire import Failure


class Load(msgspec.Struct, frozen=True, tag=True):
    """Read the network from a folder. Comes before any `Predict`."""

    path: str


class Predict(msgspec.Struct, frozen=True, tag=True):
    """Ask how probable it is that whoever speaks at the end of this has finished."""

    pcm: bytes
    """``(n_samples,) float32`` little-endian, 16 kHz mono; the last 8 s count."""


class Prediction(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Predict`, and to `Load`, where it says nothing."""

    probability: float = 0.0


TurnRequest = Load | Predict
TurnReply = Prediction | Failure
