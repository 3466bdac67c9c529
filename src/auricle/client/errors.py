"""Everything that can go wrong between a client and its server, as one tree of exceptions.

Knows nothing about HTTP libraries, or when a request is sent again.
"""

from __future__ import annotations


class ClientError(Exception):
    """Any failure this package raises by itself; files that cannot be read are an `OSError`."""


class Unreachable(ClientError):
    """No connection, or one that broke."""


class TimedOut(Unreachable):
    """The server was silent for longer than the client's timeout."""


class NotUnderstood(ClientError):
    """An answer that is no transcript: most likely of another program at that address."""


class ApiError(ClientError):
    """A refusal or failure that the server answered with.

    ``status`` is the HTTP status; 200 where it failed after the answer had begun. ``param`` is the
    field at fault and ``code`` the kind of error, where the server names them. ``retry_after_s``
    says when to ask again, ``request_id`` finds the request in the server's log.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        param: str | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.code = code
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.message} (status {self.status})"


class BadRequest(ApiError):
    """400, 415 or 422: a field or the recording cannot be served; the message says why."""


class Unauthorized(ApiError):
    """401 or 403: the API key is missing or not accepted."""


class NotFound(ApiError):
    """404: no such model, or no such path on this server."""


class TooLarge(ApiError):
    """413: more bytes than the server takes."""


class Overloaded(ApiError):
    """429 or 503: too much work waits, a model is loading, or the server is stopping."""


class ServerFailed(ApiError):
    """Any other 5xx: the server failed on this request."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    413: TooLarge,
    415: BadRequest,
    422: BadRequest,
    429: Overloaded,
    503: Overloaded,
}


def kind_of(status: int) -> type[ApiError]:
    """The exception for an HTTP status."""
    return _BY_STATUS.get(status, ServerFailed if status >= 500 else ApiError)
