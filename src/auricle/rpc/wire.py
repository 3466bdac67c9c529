"""What goes through the pipes between a process and its child: frames of MessagePack.

Knows nothing about what the calls mean: engine and decoder bring their own message types.

A frame is a 4-byte big-endian length and that many bytes. To the child goes ``(call_id, request,
request_id)``, where a `Cancel` or a `Credit` is about an earlier call, and the last is for the log;
back comes ``(call_id, is_last, reply)``. A reply to call 0 answers nobody: the child announces
something. Any number of calls may be outstanding, and replies to different calls come in any order.
"""

from __future__ import annotations

import struct

import msgspec

from auricle import errors

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Far above the largest message (30 s of PCM are 1.92 MB); a longer frame is a broken child."""

MAX_PARTS_AHEAD = 64
"""Parts of an answer that may be on their way without having been taken; see `Credit`."""

ANNOUNCED = 0
"""The id of no call."""

LENGTH = struct.Struct(">I")


class Cancel(msgspec.Struct, tag="rpc.Cancel", frozen=True):
    """Nobody waits for the call of this id any more."""


class Credit(msgspec.Struct, tag="rpc.Credit", frozen=True):
    """``n_parts`` of the answer were taken, so that as many more may be sent."""

    n_parts: int


class Failure(msgspec.Struct, tag="rpc.Failure", frozen=True):
    """The answer to a call that raised: an error of ``errors`` by name. The parent raises it."""

    error: str
    message: str
    param: str | None = None
    code: str | None = None
    retry_after_s: float | None = None

    @classmethod
    def of(cls, exc: Exception) -> Failure:
        ours = errors.as_auricle_error(exc)
        return cls(type(ours).__name__, ours.message, ours.param, ours.code, ours.retry_after_s)

    def raised(self) -> errors.AuricleError:
        kind = errors.BY_NAME.get(self.error, errors.AuricleError)
        return kind(
            self.message, param=self.param, code=self.code, retry_after_s=self.retry_after_s
        )


def header(body: bytes) -> bytes:
    """What goes before a frame's body.

    Raises:
        AuricleError: it is longer than `MAX_FRAME_BYTES`.
    """
    if len(body) > MAX_FRAME_BYTES:
        raise errors.AuricleError(
            f"a message of {len(body):,} bytes is above the limit of {MAX_FRAME_BYTES:,}"
        )
    return LENGTH.pack(len(body))
