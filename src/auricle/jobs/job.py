"""What is kept of a job: where its recording is, what is asked for, and how far it has come.

Knows nothing about HTTP or how it is kept.
"""

from __future__ import annotations

import secrets
from typing import Literal

import msgspec

from auricle.errors import AuricleError
from auricle.types import DecodeOptions

State = Literal["queued", "running", "completed", "failed", "cancelled"]


class Uploaded(msgspec.Struct, frozen=True, tag="upload"):
    """A recording in the folder of recordings, which is the job's own."""

    file: str


class ServerFile(msgspec.Struct, frozen=True, tag="path"):
    """A file of the server's machine, as it was when the job came; ``name`` is what the job calls
    it, where that is told to others."""

    path: str
    n_bytes: int
    mtime_ns: int
    name: str = ""


class Remote(msgspec.Struct, frozen=True, tag="url"):
    """A recording that is fetched when its turn comes."""

    url: str


class InFile(msgspec.Struct, frozen=True, tag="file"):
    """A stored file, or the line of one that has the recording in base64."""

    file_id: str
    offset: int | None = None
    n_bytes: int = 0


Source = Uploaded | ServerFile | Remote | InFile


class Hook(msgspec.Struct, frozen=True):
    """Who is told when a job has ended; what they are told is signed with the secret."""

    url: str
    secret: str


class JobRequest(msgspec.Struct, frozen=True):
    """What stays the same of a job from the start."""

    source: Source
    options: DecodeOptions
    model: str
    fields: tuple[tuple[str, str], ...] = ()
    """The form that asked for it, for whoever writes the answer."""
    hook: Hook | None = None
    name: str = ""
    """What the client calls it."""
    trace: dict[str, str] = {}
    """The headers of the trace it was asked for in."""


class Failure(msgspec.Struct, frozen=True):
    """Why a job has no result, as a client may see it."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None
    status: int = 500

    @classmethod
    def of(cls, exc: AuricleError) -> Failure:
        return cls(exc.message, exc.type, exc.param, exc.code, exc.status)


class StoredJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job. Times are seconds since 1970."""

    id: str
    owner: str
    """Whose it is; empty: everybody's who uses this machine."""
    state: State
    request: JobRequest
    created_s: float
    started_s: float | None = None
    ended_s: float | None = None
    expires_s: float | None = None
    held_bytes: int = 0
    """What it takes: recording and voices that were sent, then the result."""
    duration_s: float | None = None
    """Of the recording, as far as known."""
    read_s: float = 0.0
    """Where the last window ends that was read."""
    n_windows: int = 0
    failure: Failure | None = None
    batch: str | None = None
    custom_id: str | None = None
    line: int = 0
    """In a batch."""


def new_id(prefix: str) -> str:
    """A name nobody can guess: ``job_`` and 32 hexadecimal digits."""
    return f"{prefix}{secrets.token_hex(16)}"
