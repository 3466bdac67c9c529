"""Streams that share an engine, with a clock that only counts audio and processor time.

Every reading runs on the real model; the processor time it takes is the time it takes in the
simulation. So the figures hardly depend on what else the machine does, and there may be more
streams than it could serve.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from auricle.live import vad
from auricle.live.effects import (
    Effect,
    Kind,
    ReadRequest,
    ReadResult,
    ReadWanted,
    SpeechPaused,
    SpeechResumed,
    TurnEnded,
    TurnStarted,
)
from auricle.live.load import LiveLoad
from auricle.live.session import LiveSession
from auricle.speech.vad import FRAME, SpeechDetector
from auricle.types import SAMPLE_RATE, Pcm
from auricle_bench.measurements.live.engine import Cost, Engine

HOP = 3 * FRAME
"""Samples that arrive at a time: 96 ms."""


@dataclass(slots=True, eq=False)
class Stream:
    """Audio on its way through a session, and what came of it when."""

    pcm: Pcm
    session: LiveSession
    speech: vad.SpeechState = field(default_factory=vad.SpeechState.initial)
    log: list[tuple[float, Effect]] = field(default_factory=list)
    """Effects, and the time of each."""
    costs: list[tuple[Kind, float, Cost]] = field(default_factory=list)
    """Of each reading: its kind, the length of its window, and what it took."""
    wanted_s: float | None = None
    """Since when it waits for a reading to begin."""


@dataclass(order=True, slots=True)
class _Job:
    end_s: float
    number: int
    cost_s: float = field(compare=False)
    stream: Stream = field(compare=False)
    request: ReadRequest = field(compare=False)
    answer: ReadResult = field(compare=False)


class Simulation:
    """Streams that begin together and share ``n_cores``, each ``speed`` times as fast as one here.
    A core reads one window at a time; a stream that is alone has its windows encoded by all. How
    often each is read is decided as in the server."""

    def __init__(
        self, streams: Sequence[Stream], engine: Engine, n_cores: int = 2, speed: float = 1.0
    ) -> None:
        self._streams, self._engine = streams, engine
        self._n_cores, self._speed = n_cores, speed
        self._detector = SpeechDetector()
        self._now_s = 0.0
        self._load = LiveLoad(len(streams), clock=lambda: self._now_s)
        for stream in streams:
            self._load.enter(stream, n_cores)
        self._jobs: list[_Job] = []
        self._n_jobs = 0

    def run(self) -> None:
        """Play all streams to their ends."""
        n_hops = -(-max(len(stream.pcm) for stream in self._streams) // HOP)
        for hop in range(n_hops):
            now_s = (hop + 1) * HOP / SAMPLE_RATE
            self._work(now_s)
            self._now_s = now_s
            self._hear(hop, now_s)
            self._begin(now_s)
        now_s = n_hops * HOP / SAMPLE_RATE
        for stream in self._streams:
            self._note(stream, stream.session.finish(), now_s)
        self._begin(now_s)
        self._work(float("inf"))

    def _hear(self, hop: int, now_s: float) -> None:
        """Give every stream that has not ended its next audio."""
        playing = [stream for stream in self._streams if hop * HOP < len(stream.pcm)]
        pieces = [stream.pcm[hop * HOP : (hop + 1) * HOP] for stream in playing]
        states = [stream.speech for stream in playing]
        answers = vad.probabilities(self._detector, list(zip(pieces, states, strict=True)))
        for stream, pcm, (found, state) in zip(playing, pieces, answers, strict=True):
            stream.speech = state
            min_s = stream.session.options.interval_s
            self._load.receive(stream, len(pcm) / SAMPLE_RATE)
            stream.session.interval_s = self._load.interval_s(min_s, self._n_cores)
            stream.session.is_crowded = self._load.is_crowded(self._n_cores)
            self._note(stream, stream.session.push(pcm, found.tolist()), now_s)

    def _work(self, until_s: float) -> None:
        """Finish the readings that are done by then; each frees a core for the next."""
        while self._jobs and self._jobs[0].end_s <= until_s:
            job = heapq.heappop(self._jobs)
            self._now_s = job.end_s
            if job.request.kind == "partial":
                self._load.note(job.stream, job.cost_s)
            effects = job.stream.session.answer(job.request.id, job.answer)
            self._note(job.stream, effects, job.end_s)
            self._begin(job.end_s)

    def _begin(self, now_s: float) -> None:
        """Give the free cores to those who have waited longest."""
        waiting = [(s.wanted_s, n) for n, s in enumerate(self._streams) if s.wanted_s is not None]
        for _, n in sorted(waiting):
            if len(self._jobs) >= self._n_cores:
                return
            stream = self._streams[n]
            stream.wanted_s = None
            request = stream.session.next_read()
            if request is not None:
                self._read(stream, request, now_s)

    def _read(self, stream: Stream, request: ReadRequest, now_s: float) -> None:
        is_hurried = self._load.is_hurried(self._n_cores)
        answer, cost = self._engine.read(request, is_hurried=is_hurried)
        stream.costs.append((request.kind, len(request.pcm) / SAMPLE_RATE, cost))
        if request.kind == "partial":
            self._load.begin(stream)
        n_encoding = self._n_cores if len(self._streams) == 1 else 1
        shared_s = cost.encode_s * (1 - 1 / n_encoding)
        took_s = (cost.total_s - shared_s) / self._speed
        self._n_jobs += 1
        cost_s = cost.total_s / self._speed
        job = _Job(now_s + took_s, self._n_jobs, cost_s, stream, request, answer)
        heapq.heappush(self._jobs, job)

    def _note(self, stream: Stream, effects: Sequence[Effect], now_s: float) -> None:
        for effect in effects:
            stream.log.append((now_s, effect))
            if isinstance(effect, TurnStarted | SpeechResumed):
                self._load.speaks(stream, is_speaking=True)
            elif isinstance(effect, SpeechPaused | TurnEnded):
                self._load.speaks(stream, is_speaking=False)
            if isinstance(effect, ReadWanted):
                stream.wanted_s = now_s
