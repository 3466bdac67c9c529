"""The unit is as closed as docs/deploy.md says, by the judgement of systemd here."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.rules.source import ROOT

ANALYZE = shutil.which("systemd-analyze")
UNIT = ROOT / "deploy" / "auricle.service"


def stated() -> float:
    """The figure in docs/deploy.md."""
    text = " ".join((ROOT / "docs" / "deploy.md").read_text("utf-8").split())
    found = re.search(r"exposure of (\d\.\d) of 10", text)
    assert found is not None
    return float(found[1])


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed (Debian: systemd)")
def test_the_unit_is_as_closed_as_is_said() -> None:
    assert ANALYZE is not None
    command = [ANALYZE, "security", "--offline=true", "--no-pager", str(UNIT)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for auricle.service: (\d+\.\d)", ran.stdout)
    assert found is not None, ran.stdout + ran.stderr
    assert float(found[1]) == stated()


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed (Debian: systemd)")
@pytest.mark.parametrize("name", ["auricle.service", "auricle.socket"])
def test_systemd_understands_every_line(name: str) -> None:
    """But for the program, which is not where the unit says on this machine."""
    assert ANALYZE is not None
    command = [ANALYZE, "verify", "--recursive-errors=no", str(ROOT / "deploy" / name)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [
        line
        for line in ran.stderr.splitlines()
        if "auricle." in line and "is not executable" not in line
    ]
    assert lines == []
