"""The decoder child: opens one file at a time and hands out its PCM and speech probabilities.

Knows nothing about who asks or what the audio is for. Run as ``python -m`` by the decoder pool.

A media file is hostile until proven otherwise, so this process gives up what it does not need
before it reads one: memory, other files, the network, other processes and endless computing.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import socket
import sys
import time
import wave
from collections.abc import Callable, Iterator
from typing import BinaryIO

import av.logging
import numpy as np

from auricle.media.container import Media
from auricle.media.limits import MediaLimits, bad_file
from auricle.media.protocol import (
    CHUNK_SAMPLES,
    FILES_FD,
    MEMORY_MIB,
    Alive,
    Chunk,
    Close,
    Closed,
    Ending,
    Next,
    Open,
    Opened,
    Request,
)
from auricle.media.streamed import OpenStream
from auricle.rpc.caller import Caller
from auricle.speech.streaming_vad import StreamingVad
from auricle.speech.vad import SpeechDetector
from auricle.system import confine
from auricle.telemetry import logs
from auricle.types import Pcm

if sys.platform != "win32":
    import resource

MAX_OPEN_FILES = 16

CPU_MARGIN_S = 5
"""How long after the checked limit the system kills: only for work that never gets to a check."""

OOM_SCORE = 1000
"""Where memory runs out: before everything else of this machine."""

ALIVE_EVERY_S = 1.0


class OpenFile:
    """One open file and how far it has been read."""

    def __init__(
        self,
        file: BinaryIO,
        request: Open,
        detector: SpeechDetector,
        report: Callable[[], None] = lambda: None,
    ) -> None:
        self._vad = StreamingVad(detector) if request.finds_speech else None
        self._file = file
        try:
            limits = MediaLimits(request.max_audio_s, request.max_cpu_s)
            self._media = Media(file, limits, request.audio_track, report, request.audio_channel)
        except BaseException:
            file.close()
            raise
        self._chunks = self._cut()
        self._n_given = request.n_given

    def opened(self) -> Opened:
        return Opened(self._media.track, self._media.declared_s)

    def next(self) -> Chunk:
        while self._n_given > 0:
            next(self._chunks)
            self._n_given -= 1
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
                yield self._chunk(joined[:CHUNK_SAMPLES])
                waiting = [joined[CHUNK_SAMPLES:].copy()]
                n_waiting -= CHUNK_SAMPLES
        ending = Ending(self._media.track, tuple(self._media.warnings))
        yield self._chunk(np.concatenate(waiting), ending)

    def _chunk(self, pcm: Pcm, ending: Ending | None = None) -> Chunk:
        speech = b""
        if self._vad is not None:
            found = self._vad.probabilities(pcm)
            if ending is not None:
                found = np.concatenate([found, self._vad.finish()])
            speech = found.astype("<f4", copy=False).tobytes()
        return Chunk(pcm.astype("<f4", copy=False).tobytes(), speech, ending)


class WatchedFile(io.BufferedReader):
    """A file that reports with every read that reading gets on."""

    def __init__(self, file: io.FileIO, report: Callable[[], None]) -> None:
        super().__init__(file, buffer_size=256 * 1024)
        self._report = report

    def read(self, size: int | None = -1, /) -> bytes:
        self._report()
        return super().read(size)


class Worker:
    """Answers requests, one recording at a time."""

    def __init__(self, report: Callable[[], None]) -> None:
        self._detector = SpeechDetector()
        self._report = report
        self._recording: OpenFile | OpenStream | None = None
        number = os.environ.get(FILES_FD)
        self._files = None if number is None else socket.socket(fileno=int(number))

    def answer(self, request: Request) -> Opened | Chunk | Closed:
        match request:
            case Open():
                assert self._recording is None, "the last recording was not closed"
                allow_cpu(request.max_cpu_s)
                if request.is_stream:
                    self._recording = OpenStream(self._descriptor(), self._report)
                else:
                    file = WatchedFile(self._received(request), self._report)
                    self._recording = OpenFile(file, request, self._detector, self._report)
                return self._recording.opened()
            case Next():
                assert self._recording is not None, "no recording is open"
                return self._recording.next()
            case Close():
                if self._recording is not None:
                    self._recording.close()
                    self._recording = None
                return Closed()

    def warm_up(self) -> None:
        """Read a recording once: libraries load parts of themselves when they are first used, and
        later they cannot."""
        sound = io.BytesIO()
        with wave.open(sound, "wb") as out:
            out.setparams((2, 2, 44_100, 0, "NONE", ""))
            out.writeframes(bytes(4 * 44_100))
        file = OpenFile(sound, Open(b"", 60.0, 60.0), self._detector)
        file.next()
        file.close()

    def _received(self, request: Open) -> io.FileIO:
        if self._files is None:
            return io.FileIO(os.fsdecode(request.path))
        return io.FileIO(self._descriptor())

    def _descriptor(self) -> int:
        """The next that is sent."""
        assert self._files is not None
        _, descriptors, _, _ = socket.recv_fds(self._files, 1, 1)
        return descriptors[0]


def reporter(caller: Caller[Request]) -> Callable[[], None]:
    """To be called often while work goes on: tells the parent now and then."""
    last_s = time.monotonic()

    def report() -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= ALIVE_EVERY_S:
            last_s = now_s
            caller.announce(Alive())

    return report


def confine_process() -> None:
    """Give up what decoding does not need, as far as this system can take it away."""
    confine.raise_oom_score(OOM_SCORE)
    if sys.platform == "win32":
        return
    n_bytes = int(os.environ[MEMORY_MIB]) * 1024 * 1024
    for limit, value in (
        (resource.RLIMIT_DATA, n_bytes),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some of them
            resource.setrlimit(limit, (value, value))
    confine.restrict("network", "processes", "files")


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
    logs.set_up(verbose=False)
    worker = Worker(reporter(caller))
    worker.warm_up()
    confine_process()
    for call in caller:
        try:
            reply = worker.answer(call.request)
        except MemoryError:
            call.fail(
                bad_file(
                    "Decoding the audio takes more memory than the limit of "
                    f"{os.environ[MEMORY_MIB]} MiB."
                )
            )
        except Exception as exc:  # noqa: BLE001  # the border: every call gets an answer
            call.fail(exc)
        else:
            call.reply(reply)


if __name__ == "__main__":
    main()
