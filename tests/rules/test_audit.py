"""A weakness fails the audit, and what could not be asked about is never called sound."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _loaded(name: str) -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


audit = _loaded("audit")

SOUND = {"name": "av", "version": "18.1", "vulns": []}
WEAK = {"name": "numpy", "version": "2.4", "vulns": [{"id": "PYSEC-1"}, {"id": "CVE-2"}]}
SKIPPED = {"name": "click", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("dependencies", "code", "text"),
    [
        ([SOUND], 0, "no known weakness in 1 packages"),
        ([SOUND, WEAK], 1, "known weaknesses:\nnumpy: PYSEC-1, CVE-2"),
        ([WEAK, SKIPPED], 1, "known weaknesses:\nnumpy: PYSEC-1, CVE-2"),
        ([SOUND, SKIPPED], 2, "NOT AUDITED: 1 of 2 packages"),
        ([], 2, "NOT AUDITED: 0 of 0 packages"),
    ],
)
def test_what_an_audit_says(dependencies: list[Any], code: int, text: str) -> None:
    found_code, said = audit.said(audit.Audit.of({"dependencies": dependencies, "fixes": []}))
    assert found_code == code
    assert said.startswith(text)


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
def test_a_program_that_cannot_ask(tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'cannot connect' >&2\nexit 1\n")
    program.chmod(0o755)
    assert audit.said(audit.audited(str(program))) == (2, "NOT AUDITED: cannot connect")
