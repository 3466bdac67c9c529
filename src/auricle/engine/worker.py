"""The engine process: ``python -m auricle.engine.worker``, spoken to over its pipes.

Knows nothing about requests or who asks. One thread reads; as many as the model has workers run
jobs, so a release is never stuck behind a decode.
"""

# ruff: noqa: E402  # the allocator must be told before numpy or CTranslate2 start a thread
from __future__ import annotations

from auricle.engine import machine

_KEEPS_FREED_MEMORY = machine.keep_freed_memory()

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from auricle.decoding.network import NetworkFailed
from auricle.engine import ct2
from auricle.engine.loading import load
from auricle.engine.messages import (
    EngineJob,
    EngineReply,
    EngineRequest,
    Load,
    Ping,
    Pong,
    Probe,
    Released,
)
from auricle.engine.model import Library, Loading, Model
from auricle.engine.protocol import (
    AlignJob,
    Decoded,
    DecodeJob,
    DetectJob,
    Encoded,
    EncodeJob,
    Hypothesis,
    ReleaseJob,
    Stepped,
)
from auricle.errors import AuricleError
from auricle.rpc.caller import Call, CallCancelled, Caller
from auricle.system import confine, resources
from auricle.telemetry import logs, request_id

EXIT_NO_NUMBERS = 70
"""How the process ends when what it computes are no numbers, or it has no memory to compute with:
nothing it holds is to be trusted, and another begins with less."""

STEPPED_EVERY_S = 2.0
"""How often a call tells that it is getting on: well within what a watchdog bears with."""


class Worker:
    """Answers requests: the quick ones on the reading thread, jobs on the pool."""

    def __init__(self, caller: Caller[EngineRequest]) -> None:
        self._caller = caller
        self._model: Model | None = None
        self._pool: ThreadPoolExecutor | None = None

    def run(self) -> None:
        """Serve until the parent has gone, then leave at once: nobody waits for running jobs."""
        for call in self._caller:
            if isinstance(call.request, EngineJob) and self._pool is not None:
                self._pool.submit(self._answer, call)
            else:
                self._answer(call)
        os._exit(0)

    def _answer(self, call: Call[EngineRequest]) -> None:
        if call.is_cancelled:  # while it waited for a worker
            return
        with request_id.bound(call.request_id):
            self._answered(call)

    def _answered(self, call: Call[EngineRequest]) -> None:
        try:
            if isinstance(call.request, DecodeJob):
                self._decode(call, call.request)
            else:
                call.reply(self._reply(call.request))
        except CallCancelled:
            pass  # nobody waits for an answer
        except (NetworkFailed, MemoryError) as exc:
            logging.getLogger(__name__).error("%s", str(exc) or "no memory")
            os._exit(EXIT_NO_NUMBERS)
        except AuricleError as exc:  # told in words by whoever asked
            call.fail(exc)
        except Exception as exc:  # the border: every call gets an answer
            logging.getLogger(__name__).exception("%s failed", type(call.request).__name__)
            call.fail(exc)

    def _decode(self, call: Call[EngineRequest], job: DecodeJob) -> None:
        """Answer each row as it ends, and tell what is told before that as far as it is taken."""
        assert self._model is not None, "a job before Load"
        progress = Progress(call.part)

        def stepped() -> None:
            if call.is_cancelled:
                raise CallCancelled
            progress.stepped()

        for reply in self._model.decode(job, stepped):
            if isinstance(reply, Hypothesis) or call.has_room:
                progress.part(reply)
        call.reply(Decoded())

    def _reply(self, request: EngineRequest) -> EngineReply:
        match request:
            case Ping():
                return Pong()
            case Probe():
                return ct2.hardware(keeps_freed_memory=_KEEPS_FREED_MEMORY)
            case Load():
                if request.library == "openvino":
                    machine.return_large_buffers()
                self._model = _loaded(request)
                resources.give_back_freed_memory()
                self._pool = ThreadPoolExecutor(self._model.info.workers, "engine")
                if self._model.info.device == "cpu":  # a GPU's driver has ways of its own
                    confine.restrict("network", "processes")
                return self._model.info
        assert self._model is not None, "a job before Load"
        match request:
            case EncodeJob():
                self._model.encode(request)
                return Encoded()
            case DetectJob():
                return self._model.detect_language(request)
            case AlignJob():
                return self._model.align(request)
            case ReleaseJob():
                self._model.release(request.state_ids)
                return Released()
        raise AssertionError(f"{type(request).__name__} is answered elsewhere")


class Progress:
    """Sends parts of an answer, and `Stepped` where there are none for a while."""

    def __init__(
        self, send: Callable[[EngineReply], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send = send
        self._clock = clock
        self._sent_s = clock()

    def part(self, message: EngineReply) -> None:
        self._sent_s = self._clock()
        self._send(message)

    def stepped(self) -> None:
        """Another step was made."""
        if self._clock() - self._sent_s >= STEPPED_EVERY_S:
            self.part(Stepped())


def _loaded(request: Load) -> Model:
    graphs = None if request.graphs is None else Path(os.fsdecode(request.graphs))
    library = Library(request.library, graphs)
    how = Loading(request.device, request.compute_type, request.threads, library)
    return load(Path(os.fsdecode(request.path)), how)


if __name__ == "__main__":
    logs.set_up(verbose=False)
    Worker(Caller(EngineRequest)).run()
