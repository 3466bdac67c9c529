"""The command line starts quickly, because it loads only what it runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from auricle import __version__

HEAVY = ("numpy", "ctranslate2", "av", "tokenizers", "httpx2", "starlette", "uvicorn", "asyncio")
LISTED = """
import sys
from auricle.cli.main import run
code = run({arguments!r})
print(code, *sorted(set({heavy!r}) & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["serve", "--help"],
        ["transcribe", "--help"],
        ["listen", "--help"],
        ["evaluate", "--help"],
        ["models", "list", "-h"],
    ],
    ids=" ".join,
)
def test_help_loads_no_engine(arguments):
    script = LISTED.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "auricle", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"auricle {__version__}\n"
