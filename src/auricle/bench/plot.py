"""Summaries as a small SVG picture: throughput on the left, latency on the right.

Knows nothing about how anything was measured; needs no plotting library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from auricle.bench.summary import Summary

WIDTH, HEIGHT = 720, 320
_TOP, _BOTTOM = 48, 272
_PANELS = ((56, 336), (416, 696))
"""Left and right edge of each panel."""

_COLOURS = {"p50": "#2a6f97", "p95": "#e07a1f", "p99": "#b23a48"}
_N_TICKS = 4


@dataclass(frozen=True, slots=True)
class _Panel:
    left: int
    right: int
    top_value: float
    n_places: int

    def x(self, place: int) -> float:
        return self.left + (place + 0.5) * (self.right - self.left) / self.n_places

    def y(self, value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * value / self.top_value


def svg(summaries: Sequence[Summary], title: str) -> str:
    """The picture of some phases, in their order, as an SVG document."""
    loads = [summary.load for summary in summaries]
    rates = [summary.audio_per_s for summary in summaries]
    times = {
        name: [0.0 if s.latency is None else getattr(s.latency, f"{name}_s") for s in summaries]
        for name in _COLOURS
    }
    left, right = (
        _Panel(*edges, top_value=_round_up(max(values, default=0.0)), n_places=max(len(loads), 1))
        for edges, values in zip(
            _PANELS, (rates, [t for each in times.values() for t in each]), strict=True
        )
    )
    shapes = [
        _text(WIDTH / 2, 18, title, "middle"),
        *_axes(left, loads, "seconds of audio a second"),
        *_bars(left, rates),
        *_axes(right, loads, "latency, s"),
    ]
    for i, (name, values) in enumerate(times.items()):
        shapes += _line(right, values, _COLOURS[name])
        shapes.append(_text(right.right - 68 + 34 * i, 38, name, "middle", _COLOURS[name]))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def _round_up(value: float) -> float:
    """The end of an axis: 1, 2, 2.5, 5 or 10 times a power of ten, at least ``value``."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)


def _axes(panel: _Panel, labels: Sequence[str], heading: str) -> list[str]:
    shapes = [_text(panel.left, 38, heading, "start")]
    for i in range(_N_TICKS + 1):
        value = panel.top_value * i / _N_TICKS
        y = panel.y(value)
        shapes.append(
            f'<line x1="{panel.left}" y1="{y:.1f}" x2="{panel.right}" y2="{y:.1f}" stroke="#ddd"/>'
        )
        shapes.append(_text(panel.left - 6, y + 4, f"{value:g}", "end"))
    shapes += [
        _text(panel.x(place), _BOTTOM + 18, label, "middle") for place, label in enumerate(labels)
    ]
    return shapes


def _bars(panel: _Panel, values: Sequence[float]) -> list[str]:
    width = 0.6 * (panel.right - panel.left) / panel.n_places
    return [
        f'<rect x="{panel.x(place) - width / 2:.1f}" y="{panel.y(value):.1f}" '
        f'width="{width:.1f}" height="{_BOTTOM - panel.y(value):.1f}" fill="#2a6f97">'
        f"<title>{value:.2f}</title></rect>"
        for place, value in enumerate(values)
    ]


def _line(panel: _Panel, values: Sequence[float], colour: str) -> list[str]:
    points = [(panel.x(place), panel.y(value)) for place, value in enumerate(values)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">'
            f"<title>{value:.3f} s</title></circle>"
            for (x, y), value in zip(points, values, strict=True)
        ),
    ]


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(words)}</text>"
    )
