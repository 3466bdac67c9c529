"""Every error Auricle raises on purpose, with the status and code a client sees.

Knows nothing about HTTP frameworks: one handler in ``server`` renders these, the CLI prints them.

    AuricleError                     500  server_error
    ├─ InvalidRequest                400  a field, its value and what is allowed
    │  ├─ BadMedia                   400  the audio cannot be decoded, or is over a media limit
    │  ├─ Unauthorized               401
    │  ├─ Forbidden                  403  a web page, or a host name, that is not allowed
    │  ├─ NotFound                   404  no such URL
    │  ├─ ModelNotFound              404  model_not_found
    │  ├─ UploadStalled              408  the client stopped sending
    │  ├─ Conflict                   409  not as long as things are as they are
    │  └─ TooLarge                   413  more bytes than the upload limit
    ├─ Overloaded                    429  the queue is full
    ├─ Unavailable                   503  loading, or shutting down
    ├─ DeadlineExceeded              504  not answered in the time the request or a setting gives
    ├─ StorageFull                   507  no room on a disk for a recording or a job, or by a limit
    ├─ EngineFailed                  500  the model process failed on this window
    ├─ ModelUnusable                 500  a model folder is missing, incomplete or of the wrong kind
    │  └─ LoadingFailed              500  the process that loads one ended, or had no room for it
    ├─ DownloadFailed                500  no source could deliver the model
    └─ BadSetting                    500  a setting from a flag, the environment or the TOML file
"""

from __future__ import annotations

import errno
import re
from typing import ClassVar

import msgspec

_SURROGATES = re.compile("[\ud800-\udfff]")

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of bytes that come from somewhere: not what they should be, no UTF-8, nested
too deep."""


class AuricleError(Exception):
    """An error with a message fit to show to a user: what stands in the name of a file for bytes
    that are no UTF-8 is U+FFFD in it."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.message = printable(message)
        super().__init__(self.message)
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s


class InvalidRequest(AuricleError):
    """The client sent something that can never work; sending it again cannot help."""

    status = 400
    type = "invalid_request_error"


class BadMedia(InvalidRequest):
    """The uploaded bytes are not audio we can decode, or break a media limit."""


class Unauthorized(InvalidRequest):
    status = 401


class Forbidden(InvalidRequest):
    """A web page, a host name, or a model for this key, that the operator has not allowed."""

    status = 403


class NotFound(InvalidRequest):
    status = 404


class UpgradeRequired(InvalidRequest):
    """There is a websocket at the path, and it was asked for as a page."""

    status = 426


class ModelNotFound(InvalidRequest):
    status = 404


class UploadStalled(InvalidRequest):
    status = 408


class Conflict(InvalidRequest):
    """What is asked for cannot be done as things are: a job has no result yet."""

    status = 409


class TooLarge(InvalidRequest):
    """OpenAI answers this one as a ``server_error``, unlike its other refusals."""

    status = 413
    type = "server_error"


class Overloaded(AuricleError):
    status = 429
    type = "rate_limit_exceeded"


class Unavailable(AuricleError):
    status = 503


class DeadlineExceeded(AuricleError):
    """The answer was not there in time. Asking again would take as long."""

    status = 504


class StorageFull(AuricleError):
    """No room for a recording or a job, on its disk or by a limit."""

    status = 507


class EngineFailed(AuricleError):
    """The engine could not answer for one window, twice."""


class ModelUnusable(AuricleError):
    """A checkpoint cannot be loaded; the message names the file."""


class LoadingFailed(ModelUnusable):
    """A checkpoint that may well be whole was not loaded: with another library it might be."""


class DownloadFailed(AuricleError):
    """No source delivered the model; the message names each source and its reason."""


class BadSetting(AuricleError):
    """A setting is unknown or has a value that is not allowed."""


BY_NAME: dict[str, type[AuricleError]] = {
    cls.__name__: cls
    for cls in (
        AuricleError,
        InvalidRequest,
        BadMedia,
        Unauthorized,
        Forbidden,
        NotFound,
        ModelNotFound,
        UploadStalled,
        Conflict,
        TooLarge,
        Overloaded,
        Unavailable,
        DeadlineExceeded,
        StorageFull,
        EngineFailed,
        ModelUnusable,
        LoadingFailed,
        DownloadFailed,
        BadSetting,
    )
}
"""Error classes by name: what a child process raised is raised again in its parent."""


def as_auricle_error(exc: Exception) -> AuricleError:
    """``exc`` itself, or where it is none of ours, one that says its class and message."""
    return exc if isinstance(exc, AuricleError) else AuricleError(f"{type(exc).__name__}: {exc}")


def is_disk_full(exc: Exception) -> bool:
    """Whether the system has no room for what was written, or none for this user."""
    return isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def printable(text: str) -> str:
    """The text with U+FFFD for surrogates, which Python uses for bytes of file names that are no
    UTF-8, and which no terminal, log or JSON document takes."""
    return _SURROGATES.sub("\ufffd", text)
