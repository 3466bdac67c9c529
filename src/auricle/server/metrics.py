"""What a server has done and holds now, as Prometheus reads it: ``GET /metrics``.

Knows nothing about how requests are answered: whoever answers them tells an `Observer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from auricle.errors import AuricleError
from auricle.jobs.service import JobService
from auricle.models import registry
from auricle.server.transport.in_flight import InFlight
from auricle.speech_runtime import ModelStatus, SpeechRuntime, State

disable_created_metrics()  # type: ignore[no-untyped-call]  # a third more lines that nobody asks for

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_FACTORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)

_DRAINING = "draining"
_STATES = (*get_args(State), _DRAINING)


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is counted or recorded; its name here ends in ``_s`` where it is seconds."""

    help: str
    labels: tuple[str, ...] = ()
    buckets: Sequence[float] = _SECONDS


COUNTED: Mapping[str, Metric] = {
    "requests": Metric("Requests answered", ("method", "route", "status")),
    "audio_s": Metric("Recordings transcribed, seconds of audio"),
    "windows_read_again": Metric("Windows of which a part was read again", ("why",)),
    "engine_deaths": Metric("Engine processes that died or were ended"),
    "engine_start_failures": Metric("Engine processes that could not be started"),
    "decoders_lost": Metric("Decoder processes that died, or were given up, with a recording"),
    "jobs": Metric("Stored jobs that ended", ("state",)),
    "job_windows": Metric("Windows of stored jobs: read, or kept from before", ("how",)),
    "live_corrections": Metric("Tentative words of live streams that were changed or taken back"),
    "live_updates_skipped": Metric(
        "Readings of live streams that were due and not made, as the engine was busy"
    ),
    "live_refused": Metric("Live streams refused, as there were as many as can be followed"),
    "models_evicted": Metric("Models unloaded to make room for another"),
}

RECORDED: Mapping[str, Metric] = {
    "request_s": Metric("From a request's first byte to its answer's last", ("route",)),
    "queue_wait_s": Metric("What a window waited for the engine", ("priority",)),
    "first_text_s": Metric(
        "From a recording's being there whole, or a live turn's beginning, to its first text",
        ("of",),
    ),
    "recording_s": Metric("From a recording's being there whole to all of its text"),
    "real_time_factor": Metric(
        "The same by its length: seconds for a second of a short recording (at most 60 s), or of "
        "a long one",
        ("length",),
        _FACTORS,
    ),
    "live_commit_s": Metric("From a live word's end being received to its never changing again"),
    "live_read_s": Metric("Readings of live streams", ("kind", "ended")),
    "live_final_s": Metric("From a live turn's end to its final text"),
    "speakers_s": Metric("Recordings heard for who speaks", ("ended",)),
    "engine_call_s": Metric("Calls to the engine", ("call", "ended")),
    "engine_call_rows": Metric("Windows in one call to the engine", ("call",), _ROWS),
}


class Metrics:
    """An `Observer` that keeps sums, and the endpoint that shows them. For the event loop."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._counters = {
            name: Counter(_exposed(name), each.help, each.labels, registry=self.registry)
            for name, each in COUNTED.items()
        }
        self._histograms = {
            name: Histogram(
                _exposed(name),
                each.help,
                each.labels,
                buckets=each.buckets,
                registry=self.registry,
            )
            for name, each in RECORDED.items()
        }

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(n)

    def record(self, name: str, value: float, **labels: str) -> None:
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(value)


class MetricsPage:
    """``GET /metrics``: what was counted, and how the server is now."""

    def __init__(
        self, runtime: SpeechRuntime, in_flight: InFlight, metrics: Metrics, jobs: JobService
    ) -> None:
        self._runtime = runtime
        self._in_flight = in_flight
        self._metrics = metrics
        self._jobs = jobs
        self._stored = Gauge(
            "auricle_stored_jobs", "Jobs that are kept", ("state",), registry=metrics.registry
        )
        self._state = Gauge(
            "auricle_state", "1 for what the server is now", ("state",), registry=metrics.registry
        )
        self._gauges = {
            name: Gauge(f"auricle_{name}", text, registry=metrics.registry)
            for name, text in _NOW.items()
        }
        self._of_models = {
            name: Gauge(f"auricle_model_{name}", text, ("model",), registry=metrics.registry)
            for name, text in _OF_MODELS.items()
        }

    async def page(self, _: Request) -> Response:
        models = await self._runtime.statuses()
        speakers = await self._runtime.status(registry.SPEAKERS.id)  # which transcribes nothing
        self._update(models if speakers.state == "unloaded" else [*models, speakers])
        try:
            stored = await self._jobs.counts()
        except AuricleError:  # which the log tells; everything else is wanted all the more
            stored = {}
        self._stored.clear()
        for state, n in stored.items():
            self._stored.labels(state).set(n)
        return Response(
            generate_latest(self._metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST}
        )

    def _update(self, models: Sequence[ModelStatus]) -> None:
        in_flight = self._in_flight
        is_ready = self._runtime.state == "ready" and not in_flight.is_stopping
        now: Mapping[str, float] = {
            "ready": is_ready,
            "backlog_seconds": self._runtime.backlog_s,
            "requests_in_flight": in_flight.n_requests,
            "uploads": in_flight.n_uploads,
            "websockets": in_flight.n_sockets,
            "live_streams": self._runtime.n_live,
            "live_lag_seconds": self._runtime.live_lag_s,
        }
        for name, value in now.items():
            self._gauges[name].set(value)
        state = _DRAINING if in_flight.is_stopping else self._runtime.state
        for each in _STATES:
            self._state.labels(each).set(each == state)
        for gauge in self._of_models.values():
            gauge.clear()  # models that are gone
        for model in models:
            of_model: Mapping[str, float] = {
                "loaded": model.state == "ready",
                "memory_bytes": model.memory_bytes,
                "requests": model.n_requests,
                "windows": model.n_windows,
                "backlog_seconds": model.backlog_s,
            }
            for name, value in of_model.items():
                self._of_models[name].labels(model.name).set(value)


_NOW: Mapping[str, str] = {
    "ready": "1 if requests for the model the server was started with can be answered",
    "backlog_seconds": "Predicted seconds until all work that was accepted is done",
    "requests_in_flight": "Requests and websockets being served, this one too",
    "uploads": "Recordings being uploaded",
    "websockets": "Websockets that are open",
    "live_streams": "Live streams that are open, over whatever connections",
    "live_lag_seconds": "How late words of live streams are now, in the mean of those who speak",
}

_OF_MODELS: Mapping[str, str] = {
    "loaded": "1 if the model is in memory",
    "memory_bytes": "What its engine takes, or what tells speakers apart",
    "requests": "Requests that use it",
    "windows": "Windows waiting or being read",
    "backlog_seconds": "Predicted seconds until all work for it that was accepted is done",
}


def _exposed(name: str) -> str:
    """``queue_wait_s`` is ``auricle_queue_wait_seconds``."""
    return (
        f"auricle_{name.removesuffix('_s')}_seconds" if name.endswith("_s") else f"auricle_{name}"
    )
