"""Clients generated from openapi.yaml work as they are, in Python and in TypeScript."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.rules.source import ROOT
from tests.sdk import servers

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

DOCUMENT = ROOT / "openapi.yaml"
NODE = ROOT / "tests" / "sdk" / "node"
DRIVER = ROOT / "tests" / "sdk" / "drivers" / "generated.py"


async def run(*command: str | Path, folder: Path = ROOT) -> str:
    """What a program says; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaints = await process.communicate()
    assert process.returncode == 0, (said + complaints).decode()
    return said.decode()


async def python_client(folder: Path) -> list[str | Path]:
    """The command that uses the Python client made in ``folder``."""
    program = Path(sys.executable).parent / "openapi-python-client"
    into = folder / "auricle_client"
    made = ("generate", "--path", DOCUMENT, "--output-path", into, "--meta", "none")
    await run(program, *made)
    return [sys.executable, DRIVER, folder]


async def typescript_client(_: Path) -> list[str | Path]:
    """The command that uses the TypeScript client; it stands beside the packages it imports."""
    shutil.rmtree(NODE / "generated", ignore_errors=True)
    made = ("-i", DOCUMENT, "-o", "generated", "-c", "@hey-api/client-fetch")
    await run("node", "node_modules/@hey-api/openapi-ts/bin/run.js", *made, folder=NODE)
    await run("node", "node_modules/typescript/bin/tsc", folder=NODE)
    return ["node", NODE / "generated" / "built" / "generated.mjs"]


@pytest.mark.parametrize("make", [python_client, typescript_client])
async def test_a_generated_client(make: Any, tmp_path: Path) -> None:
    command = await make(tmp_path)
    async with servers.real() as served:
        english, spanish = SAMPLES / "jfk.wav", SAMPLES / "es.wav"
        found = json.loads(await run(*command, served.url, servers.KEY, english, spanish))
    assert words(found["text"]) == JFK_WORDS
    assert found["words"] == len(JFK_WORDS.split())
    assert "public domain" in found["translation"]
    assert {"tiny.en", "base", "whisper-1"} <= set(found["models"])
    assert (found["status"], found["code"]) == (404, "model_not_found")
