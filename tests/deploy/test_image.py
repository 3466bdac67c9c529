"""The image: what hadolint says of its recipe, and itself where a container engine works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.source import ROOT

HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent))
RECIPE = ROOT / "deploy" / "Dockerfile"
NAME = "auricle-test"


def engine() -> str | None:
    """The program of a container engine that answers."""
    for name in ("docker", "podman"):
        program = shutil.which(name)
        if program is not None:
            asked = subprocess.run([program, "info"], capture_output=True, check=False)
            if asked.returncode == 0 and b"Cannot connect" not in asked.stderr + asked.stdout:
                return program
    return None


def test_hadolint_finds_nothing_wrong() -> None:
    assert HADOLINT is not None, "make deploy-test installs it"
    ran = subprocess.run([HADOLINT, str(RECIPE)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_image_runs_as_nobody_in_particular_with_nothing_to_write_to() -> None:
    program = engine()
    if program is None:
        pytest.skip("no container engine works here: the image was not built")
    build = [program, "build", "-f", str(RECIPE), "-t", NAME, str(ROOT)]
    subprocess.run(build, check=True)
    closed = ["--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none"]
    run = [program, "run", *closed]
    version = subprocess.run([*run, NAME, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("auricle ")
    user = [*run, "--entrypoint", "id", NAME, "-u"]
    assert subprocess.run(user, capture_output=True, text=True, check=True).stdout == "10001\n"
