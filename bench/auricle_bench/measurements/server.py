"""Servers under test, started as a user would start them: Auricle, and the peers beside it.

Knows nothing about what is measured.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import httpx2

from auricle.models.fetch import locate
from auricle.settings.config import load
from auricle_bench.measurements.setup import ROOT

START_WAIT_S = 120
POLL_S = 0.01
STOP_WAIT_S = 10
"""Then it is killed: the peer would first finish a file whose client has gone."""


PARITY = ROOT / ".venv-parity"
"""The environment that has PyTorch; `make` makes it for the parity tests."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program to compare with, and the Python that has it. It reads Auricle's weights."""

    name: str
    backend: str
    module: str
    python: str | None
    """None where its environment has not been made."""
    options: tuple[str, ...] = ()
    package: str = ""
    """What it is called where packages are, unless that is its name."""

    def version(self) -> str:
        """What makes its texts."""
        assert self.python is not None, "only a peer that is there is asked"
        code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
        command = [self.python, "-c", code, self.package or self.name, self.backend]
        own, backend = subprocess.check_output(command, text=True).split()
        return f"{self.name} {own} with {self.backend} {backend}"


def _parity_python() -> str | None:
    folders = os.pathsep.join(str(PARITY / name) for name in ("bin", "Scripts"))
    return shutil.which("python", path=folders) if (PARITY / ".ready").exists() else None


FASTER = Peer(
    "faster-whisper",
    "ctranslate2",
    "auricle_bench.measurements.peers.faster_whisper_server",
    sys.executable,
)
BATCHED = replace(
    FASTER, name="faster-whisper batched", options=("--batched",), package="faster-whisper"
)
"""Its `BatchedInferencePipeline`: much the faster where a recording has more than one window."""

OPENAI = Peer(
    "openai-whisper",
    "torch",
    "auricle_bench.measurements.peers.openai_whisper_server",
    _parity_python(),
)
PEERS = (FASTER, BATCHED, OPENAI)


def absent() -> list[str]:
    """A remark on each peer that cannot be asked, with what makes it."""
    how = f"make {PARITY.name}/.ready"
    return [f"{peer.name} was not asked: `{how}` installs it." for peer in PEERS if not peer.python]


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    url: str
    pid: int
    ready_s: float
    """From starting the process to the first healthy answer."""


def program() -> str:
    """The ``auricle`` command of this environment."""
    found = shutil.which("auricle", path=sysconfig.get_path("scripts"))
    assert found is not None, "auricle is not installed here"
    return found


def folder(model: str) -> Path:
    """Where the weights of a model are, so that both sides read the same files."""
    return locate(model, load()).path


def auricle(model: str, options: Sequence[str] = ()) -> contextlib.AbstractContextManager[Server]:
    """``auricle serve`` on a free port, until the block ends."""
    return _running("Auricle", [program(), "serve", model, *options])


def peer(
    model: str, options: Sequence[str] = (), program: Peer = FASTER
) -> contextlib.AbstractContextManager[Server]:
    """A peer on the same weights, until the block ends: first of all one faster-whisper pipeline
    per request."""
    assert program.python is not None, "only a peer that is there is asked"
    return _running(
        program.name, [program.python, "-m", program.module, model, *program.options, *options]
    )


@contextlib.contextmanager
def _running(name: str, command: list[str]) -> Iterator[Server]:
    port = _free_port()
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=log, stderr=log, cwd=ROOT / "bench"
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_ready(url, process, log)
            yield Server(name, url, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()
            try:
                process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_ready(url: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    give_up = time.perf_counter() + START_WAIT_S
    with httpx2.Client(base_url=url, timeout=5) as client:
        while process.poll() is None and time.perf_counter() < give_up:
            with contextlib.suppress(httpx2.TransportError):
                if client.get("/health").status_code == 200:
                    return
            time.sleep(POLL_S)
    log.seek(0)
    said = log.read().decode(errors="replace")[-2000:]
    raise SystemExit(f"the server did not become ready: {' '.join(process.args)}\n{said}")  # type: ignore[arg-type]  # args is the list given to Popen


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
