"""Loads a checkpoint with the library that is wanted, which is imported only then.

Knows nothing about processes or queues.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata, util
from importlib.machinery import ModuleSpec
from pathlib import Path

from auricle.engine.model import Loading, Model
from auricle.errors import LoadingFailed, ModelUnusable

Find = Callable[[str], ModuleSpec | None]


def has_openvino(find: Find = util.find_spec) -> bool:
    """Whether the extra is installed; does not load it. A folder of its name without its modules,
    as an uninstallation may leave behind, is none."""
    spec = find("openvino")
    return spec is not None and spec.origin is not None


def openvino_version(find: Find = util.find_spec, package: str = "openvino") -> str:
    """Of the one that is installed; does not load it. Where no package of its name was, as with
    Intel's archives, another text that changes with it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        spec = find("openvino")
        assert spec is not None, "has_openvino() comes first"
        assert spec.origin is not None
        return f"of {Path(spec.origin).stat().st_mtime_ns}"


def load(path: Path, how: Loading) -> Model:
    """The model of a folder, in the library that is wanted.

    Raises:
        LoadingFailed: OpenVINO cannot load it; the other library may.
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
    try:
        from auricle.engine.openvino.whisper import OpenVinoWhisper
    except (ImportError, AttributeError, OSError) as exc:  # half installed, or for another system
        raise LoadingFailed(f"OpenVINO cannot be imported: {exc}") from exc

    return OpenVinoWhisper(path, how.compute_type, how.threads, how.library.graphs)
