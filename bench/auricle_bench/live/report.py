"""Figures of live streams for people: a line for each number of streams.

Knows nothing about how they were measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from auricle_bench.live.run import Streams
from auricle_bench.summary import Percentiles

HEADINGS = (
    *("streams", "failed", "tentative p50/p95/p99", "commit p50/p95/p99", "final p50/p95/p99"),
    *("corrections/min", "retractions", "WER (offline)", "cpu/stream", "memory/stream"),
)
"""Columns of `row`; delays are seconds."""

WIDTHS = tuple(max(len(heading), 7) for heading in HEADINGS)


def row(streams: Streams) -> tuple[str, ...]:
    cpu, rss = streams.cpu_share, streams.rss_bytes
    heard = (f"{streams.corrections:.1f}", str(streams.n_retracted), _errors(streams))
    return (
        str(streams.n_streams),
        str(streams.n_failed),
        _delays(streams.tentative),
        _delays(streams.commit),
        _delays(streams.final),
        *(heard if streams.n_failed < streams.n_streams else ("", "", "")),
        "" if cpu is None else f"{cpu:.0%}",
        "" if rss is None else f"{rss / 1e6:.0f} MB",
    )


def line(cells: Sequence[str]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def remarks(streams: Streams) -> list[str]:
    """What is to be said of a line."""
    said = []
    if streams.complaint is not None:
        said.append(f"{streams.n_failed} failed; the first: {streams.complaint}")
    if streams.late_s > 0.25:
        said.append(f"this client sent {streams.late_s:.2f} s late at worst: do not believe it")
    return said


def _errors(streams: Streams) -> str:
    offline = streams.offline_error_rate
    beside = "" if offline is None else f" ({offline:.1%})"
    return f"{streams.error_rate:.1%}{beside}"


def _delays(times: Percentiles | None) -> str:
    if times is None:
        return ""
    return f"{times.p50_s:.2f} / {times.p95_s:.2f} / {times.p99_s:.2f}"
