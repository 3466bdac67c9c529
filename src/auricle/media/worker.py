"""The decoder child: opens one file at a time and hands out its PCM and speech probabilities.

Knows nothing about who asks or what the audio is for. Run as ``python -m`` by the decoder pool.

A media file is hostile until proven otherwise, so this process gives up what it does not need
before it reads one: memory, open files, writing files and endless computing.
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

import av.logging
import numpy as np

from auricle.media.container import Media
from auricle.media.limits import MediaLimits, bad_file
from auricle.media.protocol import (
    CHUNK_SAMPLES,
    Chunk,
    Close,
    Closed,
    Next,
    Open,
    Opened,
    Request,
)
from auricle.rpc.caller import Caller
from auricle.speech.streaming_vad import StreamingVad
from auricle.speech.vad import SpeechDetector
from auricle.types import Pcm

if sys.platform != "win32":
    import resource

MAX_ADDRESS_SPACE_BYTES = 2 * 1024**3
MAX_OPEN_FILES = 16

CPU_MARGIN_S = 5
"""How long after the checked limit the system kills: only for work that never gets to a check."""


class Recording:
    """One open file and how far it has been read."""

    def __init__(self, request: Open, detector: SpeechDetector) -> None:
        self._vad = StreamingVad(detector)
        self._file: BinaryIO = open(request.path, "rb")  # noqa: SIM115  # closed by `close`
        try:
            self._media = Media(self._file, MediaLimits(request.max_audio_s, request.max_cpu_s))
        except BaseException:
            self._file.close()
            raise
        self._chunks = self._cut()

    @property
    def declared_s(self) -> float | None:
        return self._media.declared_s

    def next(self) -> Chunk:
        return next(self._chunks)

    def close(self) -> None:
        self._media.close()
        self._file.close()

    def _cut(self) -> Iterator[Chunk]:
        """Every chunk but the last is full; holding back up to one block tells which is last."""
        waiting: list[Pcm] = []
        n_waiting = 0
        for block in self._media.blocks():
            waiting.append(block)
            n_waiting += len(block)
            while n_waiting > CHUNK_SAMPLES:
                joined = np.concatenate(waiting)
                yield self._chunk(joined[:CHUNK_SAMPLES], is_last=False)
                waiting = [joined[CHUNK_SAMPLES:].copy()]
                n_waiting -= CHUNK_SAMPLES
        yield self._chunk(np.concatenate(waiting), is_last=True)

    def _chunk(self, pcm: Pcm, *, is_last: bool) -> Chunk:
        found = self._vad.probabilities(pcm)
        if is_last:
            found = np.concatenate([found, self._vad.finish()])
        speech = found.astype("<f4", copy=False).tobytes()
        return Chunk(pcm.astype("<f4", copy=False).tobytes(), speech, is_last)


class Worker:
    """Answers requests, one recording at a time."""

    def __init__(self) -> None:
        self._detector = SpeechDetector()
        self._recording: Recording | None = None

    def answer(self, request: Request) -> Opened | Chunk | Closed:
        match request:
            case Open():
                assert self._recording is None, "the last recording was not closed"
                allow_cpu(request.max_cpu_s)
                self._recording = Recording(request, self._detector)
                return Opened(self._recording.declared_s)
            case Next():
                assert self._recording is not None, "no recording is open"
                return self._recording.next()
            case Close():
                if self._recording is not None:
                    self._recording.close()
                    self._recording = None
                return Closed()


def confine() -> None:
    """Give up what decoding does not need, as far as this system can take it away."""
    if sys.platform == "win32":
        return
    for limit, value in (
        (resource.RLIMIT_AS, MAX_ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some of them
            resource.setrlimit(limit, (value, value))


def allow_cpu(max_cpu_s: float) -> None:
    """Have the system kill this process if it computes much longer than one input may take."""
    if sys.platform == "win32":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(time.process_time() + max_cpu_s) + CPU_MARGIN_S
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def main() -> None:
    caller = Caller[Request](Request)
    av.logging.set_level(None)
    worker = Worker()
    confine()
    for call in caller:
        try:
            call.reply(worker.answer(call.request))
        except MemoryError:
            mib = MAX_ADDRESS_SPACE_BYTES // 1024**2
            call.fail(
                bad_file(f"Decoding the audio takes more memory than the limit of {mib} MiB.")
            )
        except Exception as exc:  # noqa: BLE001  # the border: every call gets an answer
            call.fail(exc)


if __name__ == "__main__":
    main()
