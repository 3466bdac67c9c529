"""Models that people have put on this machine while the server runs: what there is, how far each
download is, and its end.

Knows nothing about HTTP, or what is loaded. For the event loop only; files are fetched in threads
of their own, which the end of the process does not wait for.

Why it is so: docs/decisions.md, Models.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from auricle.errors import AuricleError, Forbidden, Overloaded, StorageFull, as_auricle_error
from auricle.models import registry
from auricle.models.fetch import FetchOptions, obtain, on_this_machine
from auricle.models.progress import Progress
from auricle.models.registry import Weights

MAX_AT_ONCE: Final = 2
RETRY_S: Final = 30.0
"""When to ask again while that many run."""

STOP_MAX_S: Final = 2.0
"""How long a stopping server waits for downloads to end; what is on the disk, the next one uses."""

State = Literal["absent", "downloading", "here", "cancelled", "failed"]

Fetch = Callable[[Weights, FetchOptions, Progress], Path]
Needs = Callable[[Weights], int | None]
FreeBytes = Callable[[Path], int]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadStatus:
    """How one model's files are. ``received_bytes`` count what an earlier attempt left, and all of
    a package, of which the model may be a part."""

    weights: Weights
    state: State
    received_bytes: int = 0
    failure: str | None = None
    memory_bytes: int | None = None
    """What the model would take, about; None of what transcribes nothing."""


class _Cancelled(Exception):
    """Raised in the thread that fetches, when nobody wants that any more."""


@dataclass(eq=False)
class _Fetching:
    """One download. The `Progress` of its thread: every step of that finds out here whether it is
    still wanted."""

    weights: Weights
    received_bytes: int = 0
    failure: str | None = None
    is_over: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)

    def start(self, _: str, __: int | None) -> None:
        self._check()
        self.received_bytes = 0

    def advance(self, n: int) -> None:
        self._check()
        self.received_bytes += n

    def close(self) -> None:
        pass

    def sleep(self, seconds: float) -> None:
        """The pause before a hub is asked again."""
        self.cancelled.wait(seconds)
        self._check()

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise _Cancelled

    @property
    def state(self) -> State:
        """What is told of it, unless the files are on the disk."""
        if self.cancelled.is_set():
            return "cancelled"
        if self.failure is not None:
            return "failed"
        return "absent" if self.is_over else "downloading"


class Downloads:
    """Of registered models and auxiliary weights, and of nothing else: names of repositories stay
    the operator's, see `Catalog`."""

    def __init__(
        self,
        fetching: FetchOptions,
        *,
        min_free_bytes: int = 0,
        needs: Needs = lambda _: None,
        fetch: Fetch = obtain,
        free_bytes: FreeBytes | None = None,
    ) -> None:
        self._options = fetching
        self._min_free_bytes = min_free_bytes
        self._needs = needs
        self._fetch = fetch
        self._free_bytes = free_bytes or _free_bytes
        self._last: dict[str, _Fetching] = {}
        """The last download of each model."""
        self._running: set[_Fetching] = set()
        """Those whose threads have not ended, wanted or not."""
        self._changed = asyncio.Event()

    @property
    def are_possible(self) -> bool:
        """Whether there is any place to fetch from."""
        return bool(self._options.sources) and not self._options.offline

    @property
    def n_running(self) -> int:
        """How many have not ended, cancelled ones included."""
        return len(self._running)

    async def listed(self) -> list[DownloadStatus]:
        """Every model there is, in the registry's order, then the auxiliary ones."""
        known: Sequence[Weights] = (*registry.models(), *registry.AUXILIARY.values())
        here = await asyncio.to_thread(self._those_here, known)
        return [self._status(each, is_here=each.id in here) for each in known]

    async def start(self, name: str) -> DownloadStatus:
        """Have a model fetched; fine if it is on this machine, or on its way.

        Raises:
            ModelNotFound: nobody knows the name.
            Forbidden: the server is offline.
            StorageFull: it would not fit on the disk.
            Overloaded: `MAX_AT_ONCE` others are being fetched.
        """
        weights = named(name)
        is_here = bool(await asyncio.to_thread(self._those_here, [weights]))
        last = self._last.get(weights.id)
        if is_here or (last is not None and last.state == "downloading"):
            return self._status(weights, is_here=is_here)
        self._check(weights)
        job = self._last[weights.id] = _Fetching(weights)
        self._running.add(job)
        loop = asyncio.get_running_loop()
        threading.Thread(
            target=self._run, args=(job, loop), name=f"download {weights.id}", daemon=True
        ).start()
        _log.info("downloading %s: %d MB", weights.id, weights.download_bytes // 10**6)
        return self._status(weights, is_here=False)

    async def cancel(self, name: str) -> DownloadStatus:
        """Fetch no more of a model; what has come stays for the next time. Fine if nothing comes.
        Raises `ModelNotFound`."""
        weights = named(name)
        last = self._last.get(weights.id)
        if last is not None and last.state == "downloading":
            last.cancelled.set()
            _log.info("the download of %s was cancelled", weights.id)
        is_here = bool(await asyncio.to_thread(self._those_here, [weights]))
        return self._status(weights, is_here=is_here)

    async def close(self) -> None:
        """End all downloads, as far as they end in time."""
        for job in self._running:
            job.cancelled.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_MAX_S):
                while self._running:
                    self._changed.clear()
                    await self._changed.wait()

    def _check(self, weights: Weights) -> None:
        if not self.are_possible:
            raise Forbidden(
                f"The model `{weights.id}` cannot be downloaded: the server is offline (settings "
                f"offline and sources). 'auricle models download {weights.id}' where there is a "
                "network fetches it, to be copied here.",
                code="offline",
            )
        free = self._free_bytes(self._options.cache) - self._min_free_bytes
        if weights.download_bytes > free:
            raise StorageFull(
                f"The model `{weights.id}` needs {_mb(weights.download_bytes)} on the server's "
                f"disk, and {_mb(max(0, free))} may be used.",
                code="disk_full",
            )
        if self.n_running >= MAX_AT_ONCE:
            raise Overloaded(
                f"{MAX_AT_ONCE} models are being downloaded; more wait for one of them to end.",
                code="too_many_downloads",
                retry_after_s=RETRY_S,
            )

    def _those_here(self, known: Sequence[Weights]) -> set[str]:
        return {each.id for each in known if on_this_machine(each, self._options) is not None}

    def _status(self, weights: Weights, *, is_here: bool) -> DownloadStatus:
        last, needed = self._last.get(weights.id), self._needs(weights)
        if is_here:
            return DownloadStatus(weights, "here", weights.download_bytes, None, needed)
        if last is None:
            return DownloadStatus(weights, "absent", memory_bytes=needed)
        return DownloadStatus(weights, last.state, last.received_bytes, last.failure, needed)

    def _run(self, job: _Fetching, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread of one download."""
        limits = replace(self._options.limits, sleep=job.sleep)
        failure: AuricleError | None = None
        try:
            self._fetch(job.weights, replace(self._options, limits=limits), job)
        except _Cancelled:
            pass
        except Exception as exc:  # noqa: BLE001  # the border: who looks is told
            failure = as_auricle_error(exc)
        with contextlib.suppress(RuntimeError):  # the loop is gone, and who would be told
            loop.call_soon_threadsafe(self._ended, job, failure)

    def _ended(self, job: _Fetching, failure: AuricleError | None) -> None:
        self._running.discard(job)
        self._changed.set()
        job.is_over = True
        if failure is not None:
            job.failure = _without_folder(failure.message, self._options.cache)
            _log.error("%s could not be downloaded: %s", job.weights.id, failure)
        elif not job.cancelled.is_set():
            _log.info("%s is on this machine", job.weights.id)


def named(name: str) -> Weights:
    """The weights that a name means, in any spelling. Raises `ModelNotFound`."""
    weights = registry.AUXILIARY.get(name.strip().lower()) or registry.resolve(name)
    if weights is None:
        raise registry.not_registered(name)
    return weights


def _free_bytes(folder: Path) -> int:
    """Free space where ``folder`` is, or would be created."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(existing).free


def _without_folder(message: str, cache: Path) -> str:
    """What clients are told: where the server keeps its models is for its log alone."""
    return re.sub(rf"(\bcache) {re.escape(str(cache))}", r"\1", message).replace(
        str(cache), "the cache"
    )


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.0f} MB"
