"""Fetch files from a model hub over plain HTTPS, resumed after every kind of interruption.

Knows nothing about what the files are, or about the cache: it fills the folder it is given.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from auricle import __version__
from auricle.errors import UNDECODABLE, DownloadFailed
from auricle.models import checksum
from auricle.models.probe import check_reachable
from auricle.models.progress import Progress
from auricle.models.registry import Copy, ModelFile

NOT_THERE = "not_there"
"""Code of the error for a repository that does not exist, or that this user may not read."""

_MAX_CUTS = 100
_MAX_UNKNOWN_BYTES = 64 * 1024 * 1024
_MAX_LISTING_BYTES = 16 * 1024 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the hub may take before we give up or try again."""

    connect_s: float = 2.5
    """Until the first connection stands; an unreachable hub costs this much and no more."""
    stall_s: float = 30.0
    """Without a byte arriving; then the transfer is resumed on a new connection."""
    attempts: int = 5
    """In a row that bring nothing."""
    backoff_s: float = 1.0
    """Pause after the first failed attempt; doubles with each."""
    max_wait_s: float = 60.0
    """The longest pause, also when the hub asks for a longer one."""
    sleep: Callable[[float], None] = time.sleep


class Listing(msgspec.Struct, frozen=True):
    """The files of a repository at one commit."""

    commit: str
    files: tuple[ModelFile, ...]


class _Lfs(msgspec.Struct):
    sha256: str
    size: int


class _Sibling(msgspec.Struct):
    rfilename: str
    size: int | None = None
    lfs: _Lfs | None = None


class _Repository(msgspec.Struct):
    sha: str
    siblings: list[_Sibling]


class _TryAgain(Exception):
    """This attempt failed in a way that may pass. ``wait_s``: what the hub asked for."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Hub:
    """A connection to one hub; use as a context manager, from one thread.

    Raises:
        DownloadFailed: on opening, when the hub cannot be reached.
    """

    def __init__(self, environ: Mapping[str, str], limits: Limits = Limits()) -> None:
        self.endpoint = (environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
        self._limits = limits
        self._token = environ.get("HF_TOKEN", "").strip()
        self._answered = False
        check_reachable(self.endpoint, limits.connect_s)
        headers = {"user-agent": f"auricle/{__version__}", "accept-encoding": "identity"}
        if self._token:  # the client drops it when a redirect leads to another host
            headers["authorization"] = f"Bearer {self._token}"
        self._client = httpx2.Client(
            headers=headers,
            follow_redirects=True,
            timeout=httpx2.Timeout(limits.stall_s, connect=limits.connect_s),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    def fetch(self, place: Copy, file: ModelFile, folder: Path, progress: Progress) -> None:
        """Put ``file`` into ``folder``; what an earlier attempt left there is used.

        Raises:
            DownloadFailed: with code `NOT_THERE` when another place is worth a try.
        """
        target, part = folder / file.name, folder / f"{file.name}.part"
        if target.is_file():
            if checksum.mismatch(target, file) is None:
                progress.advance(target.stat().st_size)
                return
            target.unlink()
        url = f"{self.endpoint}/{place.repo}/resolve/{place.revision}/{quote(file.name)}"
        problem = None
        for _ in range(2):  # a damaged file gets one clean start, a wrong one stays wrong
            self._download(url, part, file, progress)
            problem = checksum.mismatch(part, file)
            if problem is None:
                part.replace(target)
                return
            progress.advance(-part.stat().st_size)
            part.unlink()
        raise DownloadFailed(f"{problem}, twice; the hub or a proxy changed it")

    def list_files(self, repo: str, revision: str) -> Listing:
        """The files in the root of a repository, with their sizes and hashes where it has them.

        Raises:
            DownloadFailed: with code `NOT_THERE` when there is no such repository or revision.
        """
        url = f"{self.endpoint}/api/models/{repo}/revision/{quote(revision, safe='')}?blobs=true"

        def attempt() -> Listing:
            with self._client.stream("GET", url) as response:
                self._check(response, url)
                body = b""
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > _MAX_LISTING_BYTES:
                        raise DownloadFailed(f"{url} sent more than {_MAX_LISTING_BYTES} bytes")
            return _listing(body, url)

        return self._retrying(attempt, lambda: 0)

    def _download(self, url: str, part: Path, file: ModelFile, progress: Progress) -> None:
        """Bring ``part`` to its full size, in as many transfers as it takes."""
        progress.advance(_size(part))
        limit = _MAX_UNKNOWN_BYTES if file.bytes is None else file.bytes

        def attempt() -> None:
            if file.bytes is None or _size(part) < file.bytes:
                self._transfer(url, part, limit, progress)
            if file.bytes is not None and _size(part) < file.bytes:
                raise _TryAgain("the transfer ended early")

        self._retrying(attempt, lambda: _size(part))

    def _transfer(self, url: str, part: Path, limit: int, progress: Progress) -> None:
        """One request: append to ``part`` what comes, up to a byte over ``limit``."""
        have = _size(part)
        headers = {"range": f"bytes={have}-"} if have else {}
        with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                _drop(part, progress)
                raise _TryAgain("the hub has a shorter file")
            self._check(response, url)
            match = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
            if have and not (match and int(match[1]) == have):
                _drop(part, progress)  # the whole file is coming, not the rest
                have = 0
            with part.open("ab") as out:
                for chunk in response.iter_raw():
                    out.write(chunk)
                    have += len(chunk)
                    progress.advance(len(chunk))
                    if have > limit:
                        return  # not the registered file; the check that follows says so

    def _retrying(self, attempt: Callable[[], Result], received: Callable[[], int]) -> Result:
        """Run ``attempt`` until it succeeds or several in a row add nothing to ``received``."""
        failures, have = 0, received()
        for _ in range(_MAX_CUTS):
            try:
                return attempt()
            except (_TryAgain, httpx2.HTTPError) as exc:
                reason, wait_s = self._reason(exc)
            except OSError as exc:
                raise DownloadFailed(f"cannot write the file: {exc}") from exc
            failures = failures + 1 if received() <= have else 1
            have = received()
            if failures >= self._limits.attempts:
                raise DownloadFailed(f"{reason} ({failures} attempts)")
            if wait_s is None:
                wait_s = self._limits.backoff_s * 2 ** (failures - 1)
            if wait_s > self._limits.max_wait_s:
                raise DownloadFailed(f"{reason}; the hub asks to wait {wait_s:g} s")
            self._limits.sleep(wait_s)
        raise DownloadFailed(f"interrupted {_MAX_CUTS} times; the last time: {reason}")

    def _reason(self, exc: _TryAgain | httpx2.HTTPError) -> tuple[str, float | None]:
        """What went wrong, and how long the hub wants us to wait; raises if it will not pass."""
        if isinstance(exc, _TryAgain):
            return str(exc), exc.wait_s
        if isinstance(exc, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            reason = f"{self.endpoint} cannot be reached: {exc}"
        elif isinstance(exc, httpx2.TimeoutException):
            reason = f"nothing received for {self._limits.stall_s:g} s"
        else:
            return f"{type(exc).__name__}: {exc}", None
        if not self._answered:  # a bad certificate, a proxy that refuses or says nothing
            raise DownloadFailed(reason) from exc
        return reason, None

    def _check(self, response: httpx2.Response, url: str) -> None:
        """Sort an answer: fine, worth another attempt, or an error to show."""
        self._answered = True
        status = response.status_code
        if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            return
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
            raise _TryAgain(f"{url} answered {status}", _retry_after_s(response))
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            hint = (
                "HF_TOKEN does not give access to it"
                if self._token
                else "it does not exist, or is private: set HF_TOKEN to a token that may read it"
            )
            raise DownloadFailed(f"{url} answered {status}: {hint}", code=NOT_THERE)
        if status == HTTPStatus.NOT_FOUND:
            raise DownloadFailed(f"{url} answered 404: it does not exist", code=NOT_THERE)
        raise DownloadFailed(f"{url} answered {status}")


def _listing(body: bytes, url: str) -> Listing:
    try:
        repository = msgspec.json.decode(body, type=_Repository)
    except UNDECODABLE as exc:
        raise DownloadFailed(f"{url} did not answer with a list of files: {exc}") from exc
    return Listing(
        commit=repository.sha,
        files=tuple(
            ModelFile(
                name=sibling.rfilename,
                bytes=sibling.lfs.size if sibling.lfs else sibling.size,
                sha256=sibling.lfs.sha256 if sibling.lfs else None,
                enforce=sibling.lfs is not None,
            )
            for sibling in repository.siblings
            if "/" not in sibling.rfilename and "\\" not in sibling.rfilename
        ),
    )


def _retry_after_s(response: httpx2.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _drop(part: Path, progress: Progress) -> None:
    progress.advance(-_size(part))
    part.unlink(missing_ok=True)
