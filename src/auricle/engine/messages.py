"""What passes between the server and an engine process besides the jobs of the protocol.

Knows nothing about how either side works.
"""

from __future__ import annotations

import msgspec

from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    Decoded,
    DecodeJob,
    Detected,
    DetectJob,
    Encoded,
    EncodeJob,
    Hypothesis,
    ModelInfo,
    ReleaseJob,
    Stepped,
    Tokens,
)
from auricle.types import LibraryName


class Probe(msgspec.Struct, frozen=True, tag=True):
    """Ask what hardware CTranslate2 sees; loads nothing."""


class Hardware(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Probe`."""

    cuda_devices: int
    cpu_compute_types: tuple[str, ...]
    keeps_freed_memory: bool


class Load(msgspec.Struct, frozen=True, tag=True):
    """Load a checkpoint folder; answered with `ModelInfo`. Comes before any job."""

    path: bytes
    """As `os.fsencode` gives it: names of folders need not be UTF-8."""
    device: str
    compute_type: str
    threads: int
    library: LibraryName = "ctranslate2"
    graphs: bytes | None = None
    """Where graphs are kept, as ``path``; None: nowhere."""


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Ask whether the process is running at all; answered at once, however busy it is."""


class Pong(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Ping`."""


class Released(msgspec.Struct, frozen=True, tag=True):
    """The answer to `ReleaseJob`."""


EngineJob = EncodeJob | DetectJob | DecodeJob | AlignJob
"""What takes a worker's time."""

EngineRequest = Probe | Ping | Load | EngineJob | ReleaseJob
EngineReply = (
    Hardware
    | Pong
    | ModelInfo
    | Encoded
    | Detected
    | Tokens
    | Stepped
    | Hypothesis
    | Decoded
    | Aligned
    | Released
)
