"""What passes between the server and the process that judges pauses.

Knows nothing about how either side works.
"""

from __future__ import annotations

import msgspec

from auricle.rpc.wire import Failure


class Load(msgspec.Struct, frozen=True, tag=True):
    """Read the network from a folder. Comes before any `Judge`."""

    path: str


class Judge(msgspec.Struct, frozen=True, tag=True):
    """Has whoever speaks at the end of this finished?"""

    pcm: bytes
    """``(n_samples,) float32`` little-endian, 16 kHz mono; the last 8 s count."""


class Judged(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Judge`, and to `Load`, where it says nothing."""

    probability: float = 0.0


TurnRequest = Load | Judge
TurnReply = Judged | Failure
