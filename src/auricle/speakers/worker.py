"""The process that tells voices apart: ``python -m auricle.speakers.worker``, asked over its pipes.

Knows nothing about who asks or what for. One thread reads, so a ping is never stuck behind a
recording. Half of the cores, and one at least, hear recordings: the other half is left to whoever
reads them. One more thread listens to those who speak now, who wait for no recording, or for a call
of OpenVINO at most, a tenth of a second: places in it for them would take 70 MB. Calls for one
recording are to be made one after the other.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from auricle.rpc.caller import Call, Caller
from auricle.speakers.diarization import Diarization, Networks, listen
from auricle.speakers.loading import load
from auricle.speakers.messages import (
    Done,
    Feed,
    Finish,
    Forget,
    Found,
    Listen,
    Load,
    Ping,
    SpeakersReply,
    SpeakersRequest,
    Stretches,
)
from auricle.system.resources import give_back_freed_memory, usable_cores


class Worker:
    """Answers requests: the quick ones on the reading thread, audio on the pool."""

    def __init__(self, caller: Caller[SpeakersRequest]) -> None:
        self._caller = caller
        self._networks: Networks | None = None
        self._recordings: dict[int, Diarization] = {}
        n_recordings = max(1, usable_cores() // 2)
        self._n_recordings = n_recordings
        self._recording = ThreadPoolExecutor(n_recordings, "recordings")
        self._live = ThreadPoolExecutor(1, "live")

    def run(self) -> None:
        """Serve until the parent has gone, then leave at once: nobody waits for running jobs."""
        for call in self._caller:
            if isinstance(call.request, Feed | Finish):
                self._recording.submit(self._answer, call)
            elif isinstance(call.request, Listen):
                self._live.submit(self._answer, call)
            else:
                self._answer(call)
        os._exit(0)

    def _answer(self, call: Call[SpeakersRequest]) -> None:
        if call.is_cancelled:  # while it waited for a thread
            return
        try:
            call.reply(self._reply(call.request))
        except Exception as exc:  # the border: every call gets an answer
            logging.getLogger(__name__).exception("%s failed", type(call.request).__name__)
            call.fail(exc)

    def _reply(self, request: SpeakersRequest) -> SpeakersReply:
        match request:
            case Ping():
                return Done()
            case Load():
                self._networks = load(Path(request.path), self._n_recordings)
                give_back_freed_memory()
                return Done()
            case Forget():
                self._recordings.pop(request.recording, None)
                return Done()
        assert self._networks is not None, "audio before Load"
        match request:
            case Feed():
                if request.recording not in self._recordings:
                    self._recordings[request.recording] = Diarization(self._networks)
                self._recordings[request.recording].feed(np.frombuffer(request.pcm, "<f4"))
                return Done()
            case Finish():
                recording = self._recordings.pop(request.recording, None)
                recording = recording or Diarization(self._networks)
                return Found.of(recording.finish(request.bounds))
            case Listen():
                return Stretches.of(listen(self._networks, np.frombuffer(request.pcm, "<f4")))


if __name__ == "__main__":
    Worker(Caller(SpeakersRequest)).run()
