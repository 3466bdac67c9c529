"""Summaries for people and for programs: a table of lines, and a JSON document.

Knows nothing about how anything was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from auricle_bench.session import Result
from auricle_bench.summary import Percentiles, Rate, Summary

HEADINGS = (
    *("load", "requests", "errors", "req/s", "audio-s/s", "p50", "p95", "p99", "first text"),
    *("cpu", "peak memory", "client cpu"),
)
"""Columns of `row`. Times are seconds; first text is the median."""

WIDTHS = tuple(max(len(heading), 6) for heading in HEADINGS)


def row(summary: Summary) -> tuple[str, ...]:
    """One phase as cells, empty where something was not measured."""
    latency = summary.latency
    server = summary.server
    return (
        summary.load,
        str(summary.n_requests),
        str(summary.n_requests - summary.n_answered),
        f"{summary.requests_per_s:.2f}",
        f"{summary.audio_per_s:.1f}",
        *(_seconds(latency, name) for name in ("p50_s", "p95_s", "p99_s")),
        _seconds(summary.first_text, "p50_s"),
        "" if server is None else f"{server.cpu_s:.1f} s",
        "" if server is None else f"{server.peak_rss_bytes / 1e6:.0f} MB",
        f"{summary.client_cpu_share:.0%}",
    )


def line(cells: Sequence[str]) -> str:
    """Cells of `HEADINGS` or `row` under each other, in a terminal."""
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def errors(summary: Summary) -> str:
    """What went wrong in a phase, as one line; empty when nothing did."""
    if not summary.errors:
        return ""
    counted = ", ".join(f"{n} × {status}" for status, n in summary.errors.items())
    slowest = "" if summary.refused is None else f"; p95 {summary.refused.p95_s:.3f} s"
    example = "" if summary.complaint is None else f"; the first: {summary.complaint}"
    return f"errors: {counted}{slowest}{example}"


def error_rates(accuracy: dict[str, Rate]) -> str:
    """Error rate by language, as one line."""
    parts = [
        f"{language} {rate.rate:.1%} of {rate.n_units} {rate.unit}"
        for language, rate in accuracy.items()
    ]
    return "error rate: " + ", ".join(parts) if parts else ""


def document(results: Sequence[Result], about: dict[str, Any]) -> bytes:
    """Everything as JSON: ``about`` (what was measured, and how), every phase, every request."""
    phases = [
        {
            **msgspec.to_builtins(result.summary),
            "requests_per_s": result.summary.requests_per_s,
            "audio_per_s": result.summary.audio_per_s,
            "requests": [
                {
                    "file": each.clip.path.name,
                    "start_s": each.start_s,
                    "latency_s": each.latency_s,
                    "sent_s": each.sent_s,
                    "first_text_s": each.first_text_s,
                    "status": each.status,
                    "text": each.text,
                }
                for each in result.outcomes
            ],
        }
        for result in results
    ]
    return msgspec.json.format(msgspec.json.encode({**about, "phases": phases}), indent=1)


def _seconds(times: Percentiles | None, name: str) -> str:
    return "" if times is None else f"{getattr(times, name):.2f}"
