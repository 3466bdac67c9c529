"""A real server in a process of its own, which stops reading a job once so many windows are kept.

    python -m tests.faults.held_server DATA_DIR N

Prints its address when it is ready, and ``held`` when nothing goes on any more.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from auricle.reading.ledger import Ledger
from auricle.reading.reader import Reading
from auricle.server.serve import Server
from auricle.types import Window
from tests.faults.watched import Keep, WatchedRuntime, announced
from tests.server.conftest import settings


def kept_until(n: int) -> Keep:
    """Keeps ``n`` windows, and never returns from the next."""
    left = n

    async def keep(ledger: Ledger, window: Window, reading: Reading) -> None:
        nonlocal left
        if not left:
            sys.stdout.write("held\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        left -= 1
        await ledger.keep(window, reading)

    return keep


async def main(data_dir: Path, n: int) -> None:
    given = settings(model="tiny.en", max_upload_mb=64, max_jobs=10, data_dir=data_dir)
    runtime = WatchedRuntime(given)
    runtime.watch = lambda _: kept_until(n)
    await announced(Server(given, runtime), runtime)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
