"""What the server ships of Swagger UI is its package's; ``tests/page`` tries it."""

from __future__ import annotations

import asyncio
import sys

from tests.rules.source import ROOT


async def test_the_viewer_is_as_its_package_has_it() -> None:
    """`make viewer` copies it anew."""
    check = await asyncio.create_subprocess_exec(
        sys.executable, ROOT / "scripts" / "viewer.py", "--check", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await check.communicate()
    assert (check.returncode, said.decode()) == (0, "")
