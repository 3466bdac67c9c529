"""What a server does now, as lines for a terminal, from two snapshots of its metrics.

Knows nothing about HTTP or terminals: figures go in, lines come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

Labels = tuple[tuple[str, str], ...]

AUDIO = "auricle_audio_seconds_total"

LOOKS = frozenset({"/metrics", "/v1/models", "/livez", "/readyz", "/health"})
"""Routes of those who only look at a server, as this view does: they are not counted."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a server's metrics were at a time, in seconds on any clock."""

    at_s: float
    values: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    """By name, then by labels."""
    models: Sequence[Mapping[str, Any]] = ()
    """As ``GET /v1/models`` lists them."""

    @classmethod
    def of(cls, at_s: float, metrics: str, models: Sequence[Mapping[str, Any]]) -> Snapshot:
        """By the texts of ``GET /metrics`` and ``GET /v1/models``."""
        values: dict[str, dict[Labels, float]] = {}
        for family in text_string_to_metric_families(metrics):
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                values.setdefault(sample.name, {})[labels] = sample.value
        return cls(at_s, values, models)

    def total(self, name: str, **labels: str) -> float:
        """The sum over all that have these labels."""
        wanted = set(labels.items())
        found = self.values.get(name, {})
        return sum(value for each, value in found.items() if wanted <= set(each))

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums by one label."""
        sums: dict[str, float] = {}
        for labels, value in self.values.get(name, {}).items():
            key = dict(labels).get(label, "")
            sums[key] = sums.get(key, 0.0) + value
        return sums


def lines(before: Snapshot, now: Snapshot, address: str) -> list[str]:
    """The view: how the server is, what it did since the snapshot before, and its models. What it
    did is a dash where both snapshots are the same."""
    gone_s = now.at_s - before.at_s

    def per_s(then: float, since: float) -> str:
        return f"{max(then - since, 0.0) / gone_s:.1f}" if gone_s > 0 else "–"

    wait_s = _mean(before, now, "auricle_queue_wait_seconds")
    call_s = _mean(before, now, "auricle_engine_call_seconds")
    rows = [
        f"auricle at {address}: {_state(now)}",
        "",
        f"queue     {now.total('auricle_backlog_seconds'):.0f} s of work wait; "
        f"windows waited {_seconds(wait_s)}, calls to the engine took {_seconds(call_s)}",
        f"requests  {max(now.total('auricle_requests_in_flight') - 1, 0):.0f} under way, "
        f"{now.total('auricle_uploads'):.0f} uploads; {per_s(_requests(now), _requests(before))} a "
        f"second, {per_s(_requests(now, '429'), _requests(before, '429'))} of them refused",
        f"audio     {per_s(now.total(AUDIO), before.total(AUDIO))} s a second",
        f"sessions  {now.total('auricle_websockets'):.0f} websockets",
        f"jobs      {_jobs(now)}",
        f"trouble   {now.total('auricle_engine_deaths_total'):.0f} engines and "
        f"{now.total('auricle_decoders_lost_total'):.0f} decoders died since the start",
        "",
        f"{'MODEL':24} {'STATE':10} {'MEMORY':>9} {'REQUESTS':>9} {'WINDOWS':>8}",
    ]
    return rows + [_model(each) for each in _distinct(now.models)]


def _state(now: Snapshot) -> str:
    if now.total("auricle_ready"):
        return "ready"
    states = now.by("auricle_state", "state")
    return next((each for each, is_now in states.items() if is_now), "not ready")


def _requests(now: Snapshot, status: str | None = None) -> float:
    """How many were answered, of those that asked for work; with a status, or with any."""
    return sum(
        value
        for labels, value in now.values.get("auricle_requests_total", {}).items()
        if (found := dict(labels)).get("route") not in LOOKS and status in (None, found["status"])
    )


def _mean(before: Snapshot, now: Snapshot, name: str) -> float | None:
    """The mean of what was recorded in between; None where nothing was."""
    n = now.total(f"{name}_count") - before.total(f"{name}_count")
    return (now.total(f"{name}_sum") - before.total(f"{name}_sum")) / n if n > 0 else None


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def _jobs(now: Snapshot) -> str:
    found = now.by("auricle_stored_jobs", "state")
    return ", ".join(f"{n:.0f} {state}" for state, n in sorted(found.items())) or "none"


def _distinct(models: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each model once, by its own name: the list has other names, too."""
    return [each for each in models if each["id"] == each["root"]]


def _model(model: Mapping[str, Any]) -> str:
    queue = model["queue"]
    return (
        f"{model['id'][:24]:24} {model['state']:10} {model['memory_mb']:>5} MiB "
        f"{queue['requests']:>9} {queue['windows']:>8}"
    )
