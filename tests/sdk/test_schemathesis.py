"""Whatever fits the document, and much that does not, gets an answer the document knows."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.sdk import servers

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "unsupported_method",
)
EXAMPLES = 20


async def test_no_failure_and_no_unknown_status() -> None:
    """Bodies are held against their schemas by `test_openapi`, which can read events."""
    program = Path(sys.executable).parent / "schemathesis"
    async with servers.scripted() as (served, runtime):
        process = await asyncio.create_subprocess_exec(
            *(program, "run", f"{served.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {servers.KEY}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", str(EXAMPLES), "--seed", "1", "--generation-deterministic"),
            "--no-color",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert len(runtime.received) > 0
