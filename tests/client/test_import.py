"""Naming a client loads no server, and importing the package loads no client."""

from __future__ import annotations

import subprocess
import sys

import pytest

import auricle

SERVER = ("numpy", "ctranslate2", "av", "tokenizers", "starlette", "uvicorn")


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [("import auricle", (*SERVER, "httpx2", "asyncio", "msgspec")), ("auricle.Client", SERVER)],
)
def test_what_is_loaded(statement, unwanted):
    script = f"import sys, auricle\n{statement}\nprint(*{{*{unwanted!r}}} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


def test_a_name_that_is_none():
    with pytest.raises(AttributeError, match="module 'auricle' has no attribute 'Clientt'"):
        auricle.Clientt  # type: ignore[attr-defined]  # noqa: B018  # what is refused
