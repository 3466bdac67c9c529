"""The file of keys that ``auricle keys`` keeps: digests, what each key may take, and until when.

Knows nothing about HTTP. A key is shown once, when it is made; the file holds its SHA-256, which
for 256 random bits is as good as any slower digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from filelock import FileLock

from auricle.errors import UNDECODABLE, BadSetting
from auricle.grants import Grant
from auricle.system import small_file

PREFIX = "sk-auricle-"
"""How keys begin, so that one is known for what it is wherever it turns up."""

POLL_S = 1.0
"""How often a running server looks whether the file has changed."""

logger = logging.getLogger(__name__)


class StoredKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key. ``name`` says whose it is; times without an offset are UTC."""

    name: str
    sha256: str
    created: datetime
    expires: datetime | None = None
    models: tuple[str, ...] = ()
    max_requests: int = 0
    max_backlog_s: float = 0.0

    @property
    def id(self) -> str:
        """What it is called where it cannot be shown."""
        return self.sha256[:8]

    @property
    def grant(self) -> Grant:
        return Grant(self.models, self.max_requests, self.max_backlog_s)

    def has_expired(self, now: datetime) -> bool:
        if self.expires is None:
            return False
        in_utc = self.expires if self.expires.tzinfo else self.expires.replace(tzinfo=UTC)
        return in_utc <= now


class _File(msgspec.Struct, frozen=True):
    keys: tuple[StoredKey, ...] = ()


def client_of(key_digest: str) -> str:
    """The name for limits of the client who has the key with that digest."""
    return f"key {key_digest[:16]}"


def digest(key: str) -> str:
    """The SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: Path) -> tuple[StoredKey, ...]:
    """The keys in a file; none where there is no file yet.

    Raises:
        BadSetting: it cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(small_file.read(path), type=_File).keys
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise BadSetting(f"cannot read the keys in {path} (keyring): {exc.strerror}") from exc
    except UNDECODABLE as exc:
        raise BadSetting(f"{path} (keyring) is no file of auricle keys: {exc}") from exc


def add(path: Path, name: str, grant: Grant, expires: datetime | None, now: datetime) -> str:
    """Make a key and keep its digest; the key itself.

    Raises:
        BadSetting: there is a key of that name, or the file cannot be read or written.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    made = StoredKey(
        name,
        digest(key),
        now.replace(microsecond=0),
        expires,
        grant.models,
        grant.max_requests,
        grant.max_backlog_s,
    )
    with _locked(path):
        keys = read(path)
        if any(each.name == name for each in keys):
            raise BadSetting(f"{path} has a key for {name!r}; revoke it first, or say another name")
        _write(path, (*keys, made))
    return key


def revoke(path: Path, name: str) -> StoredKey:
    """Remove the key of that name or id; which it was.

    Raises:
        BadSetting: there is none, or the file cannot be read or written.
    """
    with _locked(path):
        keys = read(path)
        found = next((each for each in keys if name in (each.name, each.id)), None)
        if found is None:
            raise BadSetting(f"{path} has no key for {name!r}")
        _write(path, tuple(each for each in keys if each is not found))
    return found


class Keyring:
    """The keys of a file that may change while a server runs. A file that cannot be read any more
    changes nothing, but for a line in the log: who was let in stays let in, and who was not does
    not."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises `BadSetting` if the file cannot be read."""
        self._path = path
        self._clock = clock
        self._refreshed_s = clock()
        self._version = _version(path)
        self._refused: tuple[int, int] | None = None
        self._keys = _by_digest(read(path))
        self._clients = _by_client(self._keys)

    @property
    def is_empty(self) -> bool:
        """Whether the file held no key when it was last read, as one does that is not there."""
        return not self._keys

    def find(self, key_digest: str) -> StoredKey | None:
        """The key with that digest, if it has not expired."""
        self._refresh()
        return _valid(self._keys.get(key_digest))

    def key_of(self, client: str) -> StoredKey | None:
        """The key of a client by its name for limits, if it has not expired."""
        self._refresh()
        return _valid(self._clients.get(client))

    def _refresh(self) -> None:
        if self._clock() - self._refreshed_s < POLL_S:
            return
        self._refreshed_s = self._clock()
        version = _version(self._path)
        if version != self._version:
            try:
                self._keys = _by_digest(read(self._path))
            except BadSetting as exc:
                if version != self._refused:
                    self._refused = version
                    logger.warning("the keys stay as they were: %s", exc)
                return
            self._clients = _by_client(self._keys)
            self._version = version


def _by_digest(keys: tuple[StoredKey, ...]) -> Mapping[str, StoredKey]:
    return {each.sha256: each for each in keys}


def _by_client(keys: Mapping[str, StoredKey]) -> Mapping[str, StoredKey]:
    return {client_of(key_digest): each for key_digest, each in keys.items()}


def _valid(key: StoredKey | None) -> StoredKey | None:
    return None if key is None or key.has_expired(datetime.now(UTC)) else key


def _version(path: Path) -> tuple[int, int] | None:
    """What changes whenever the file is replaced; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The file is ours alone, and its folder is there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", mode=0o600):
            yield
    except OSError as exc:
        raise BadSetting(f"cannot write {path} (keyring): {exc.strerror}") from exc


def _write(path: Path, keys: tuple[StoredKey, ...]) -> None:
    """Replace the file whole: a server that reads it never sees half of one. Who may read it stays
    the same."""
    content = msgspec.json.format(msgspec.json.encode(_File(keys)), indent=2)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 600
    with os.fdopen(descriptor, "wb") as file:
        file.write(content + b"\n")
    if sys.platform != "win32":
        _take_access(path, name)
    os.replace(name, path)


def _take_access(path: Path, name: str) -> None:
    """Give the new file the owner and the mode of the one it replaces. Without leave to, as where
    there is none yet, it is its maker's alone."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        was = path.stat()
        os.chown(name, was.st_uid, was.st_gid)
        os.chmod(name, stat.S_IMODE(was.st_mode))
