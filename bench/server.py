"""A server under test: started as a user would start it, or already running at a URL.

Knows nothing about what is measured.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import psutil

START_WAIT_S = 120


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    pid: int | None
    ready_s: float | None
    """From starting the process to the first healthy answer."""

    def rss_bytes(self) -> int:
        """Resident memory of the server and its children now."""
        assert self.pid is not None
        server = psutil.Process(self.pid)
        return sum(p.memory_info().rss for p in [server, *server.children(recursive=True)])


@contextmanager
def auricle(model: str, options: Sequence[str] = ()) -> Iterator[Server]:
    """``auricle serve`` on a free port, until the block ends."""
    port = _free_port()
    command = [sys.executable, "-m", "auricle", "serve", model, "--port", str(port), *options]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_ready(url, process)
        yield Server(url, process.pid, time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait(30)


def _wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.perf_counter() + START_WAIT_S
    while time.perf_counter() < give_up:
        if process.poll() is not None:
            raise SystemExit(f"the server ended with exit code {process.returncode}")
        try:
            if httpx2.get(f"{url}/health", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"the server was not ready after {START_WAIT_S} s")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
