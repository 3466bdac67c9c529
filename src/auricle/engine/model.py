"""What a loaded model is to the process it is in, and which library it is loaded with.

Knows nothing about processes or queues.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import util
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    DecodeJob,
    Detected,
    DetectJob,
    EncodeJob,
    Hypothesis,
    ModelInfo,
)
from auricle.errors import ModelUnusable

LibraryName = Literal["ctranslate2", "openvino"]


class Model(Protocol):
    """Answers jobs. Any number of threads may call it, each on other windows."""

    info: ModelInfo

    def encode(self, job: EncodeJob) -> None: ...

    def detect_language(self, job: DetectJob) -> Detected: ...

    def decode(self, job: DecodeJob) -> Iterator[Hypothesis]: ...

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


def has_openvino() -> bool:
    """Whether the extra is installed; does not load it."""
    return util.find_spec("openvino") is not None


def load(path: Path, how: Loading) -> Model:
    """The model of a folder, in the library that is wanted.

    Raises:
        ModelUnusable: it cannot be loaded, or the library is not installed.
    """
    if how.library.name == "ctranslate2":
        from auricle.engine.ct2 import Whisper

        return Whisper(path, how.device, how.compute_type, how.threads)
    if how.device != "cpu":
        raise ModelUnusable("OpenVINO runs on processors here; use engine = ctranslate2 on a GPU")
    if not has_openvino():
        raise ModelUnusable(
            "engine is openvino, which is not installed; pip install 'auricle[openvino]', or use "
            "engine = ctranslate2"
        )
    from auricle.engine.openvino.whisper import OpenVinoWhisper

    return OpenVinoWhisper(path, how.compute_type, how.threads, how.library.graphs)
