"""A machine without models, on which they arrive as a test wants; and what is found of it."""

from __future__ import annotations

import shutil
import tempfile
import threading
import uuid
from pathlib import Path

from auricle.diagnosis.findings import Diagnosis, Problem
from auricle.errors import AuricleError
from auricle.hosting.downloads import Downloads
from auricle.models import cache, registry
from auricle.models.fetch import FetchOptions
from auricle.models.progress import Progress
from auricle.models.registry import Weights


class FakeFiles:
    """A model that is fetched has half of its bytes at once, and the rest, or ``failure``, when
    ``more`` is set. The files that it gets are small."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"auricle-test-{uuid.uuid4().hex}"
        self.free_bytes = 10**12
        self.failure: AuricleError | None = None
        self.is_half_way = threading.Event()
        self.more = threading.Event()
        self.fetched: list[str] = []

    def downloads(self, *, offline: bool = False) -> Downloads:
        environ = {"HF_HOME": str(self.folder / "hub")}
        return Downloads(
            FetchOptions(self.folder, offline=offline, environ=environ),
            needs=lambda weights: None if weights.id in registry.AUXILIARY else 2**30,
            fetch=self._fetch,
            free_bytes=lambda _: self.free_bytes,
        )

    def put(self, name: str) -> Path:
        """Have a model on the machine."""
        part = cache.staging(self.folder, name)
        (part / "model.bin").write_bytes(b"weights")
        return cache.publish(self.folder, name, "a test", ["model.bin"])

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _fetch(self, weights: Weights, _: FetchOptions, progress: Progress) -> Path:
        self.fetched.append(weights.id)
        progress.start(weights.id, weights.download_bytes)
        progress.advance(weights.download_bytes // 2)
        self.is_half_way.set()
        while not self.more.wait(0.01):
            progress.advance(0)
        if self.failure is not None:
            raise self.failure
        progress.advance(weights.download_bytes - weights.download_bytes // 2)
        return self.put(weights.id)


FOUND = Diagnosis(
    machine={
        "auricle": "0.1.0",
        "python": "3.11.2 (/usr/bin/python3)",
        "system": "Linux",
        "processor": "Zilog Z80",
        "vector instructions": "unknown",
        "usable cores": "2 of 2",
        "usable memory": "7.0 of 8.0 GB",
        "NVIDIA driver": "none",
        "usable GPUs": "0",
    },
    packages={"av": "16.0.0"},
    plan={
        "device": "cpu",
        "compute type": "int8",
        "parallel work": "2 workers of 1 thread",
        "engine environment": "OMP_WAIT_POLICY=PASSIVE",
        "model cache": "/home/ann/.cache/auricle",
        "free disk": "20.5 GB",
        "model": "base, complete in /home/ann/.cache/auricle/base",
        "engine": "ctranslate2",
    },
    problems=[Problem("the fan is loud", "hold it still", is_fatal=False)],
)
"""Of a machine, as `auricle doctor` finds it."""
