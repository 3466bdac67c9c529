"""Loads a checkpoint with the library that is wanted, which is imported only then.

Knows nothing about processes or queues.
"""

from __future__ import annotations

from importlib import util
from pathlib import Path

from auricle.engine.model import Loading, Model
from auricle.errors import ModelUnusable


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
