"""What a loaded model is to the process it is in, and which library it is loaded with.

Knows nothing about processes or queues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    Detected,
    DetectJob,
    EncodeJob,
    Hypothesis,
    ModelInfo,
    Tokens,
)
from auricle.types import LibraryName


class Model(Protocol):
    """Answers jobs. Any number of threads may call it, each on other windows."""

    info: ModelInfo

    def encode(self, job: EncodeJob) -> None: ...

    def detect_language(self, job: DetectJob) -> Detected: ...

    def decode(
        self, job: DecodeJob, stepped: Callable[[], None] = ...
    ) -> Iterator[Tokens | Hypothesis]:
        """``stepped`` is called after each step, where there are any."""
        ...

    def align(self, job: AlignJob) -> Aligned: ...

    def release(self, state_ids: Sequence[int]) -> None: ...


class Library(NamedTuple):
    """What a model is to be computed with."""

    name: LibraryName
    graphs: Path | None = None
    """Where OpenVINO's graphs are kept, which take seconds to make; None: nowhere."""


CTRANSLATE2 = Library("ctranslate2")


class Loading(NamedTuple):
    """How a model is to be loaded."""

    device: str
    compute_type: str
    threads: int
    library: Library = CTRANSLATE2
