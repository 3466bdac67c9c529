"""Which library a model is loaded with, where one is half there or not at all."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from auricle.engine.loading import has_openvino, load, openvino_version
from auricle.engine.model import Library, Loading
from auricle.errors import LoadingFailed


def test_an_empty_folder_of_its_name_is_no_library():
    """What an uninstallation had left behind kept every server from starting."""
    assert not has_openvino(lambda name: None)
    assert not has_openvino(lambda name: ModuleSpec(name, None))
    assert has_openvino(lambda name: ModuleSpec(name, None, origin="openvino/__init__.py"))


def test_a_library_without_a_package_has_a_version_too(tmp_path: Path):
    """One from an archive, which knows no package: a server with it did not start."""
    module = tmp_path / "__init__.py"
    module.touch()
    spec = ModuleSpec("openvino", None, origin=str(module))
    version = openvino_version(lambda name: spec, "no-such-package")
    assert version == f"of {module.stat().st_mtime_ns}"


def test_a_library_that_cannot_be_imported_leaves_the_model_to_the_other(monkeypatch):
    """Patched, because tests run where it can."""
    pytest.importorskip("openvino")
    monkeypatch.setitem(sys.modules, "auricle.engine.openvino.whisper", None)
    with pytest.raises(LoadingFailed, match="OpenVINO cannot be imported: import of auricle"):
        load(Path("base"), Loading("cpu", "auto", 1, Library("openvino")))
