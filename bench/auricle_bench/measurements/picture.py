"""A picture of lines over numbers, as SVG that is read in light and in dark.

Knows nothing about what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Line = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 150, 44, 48
COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706")


def lines(title: str, across: str, up: str, drawn: Mapping[str, Line], limit: float) -> str:
    """``drawn`` by name; ``across`` and ``up`` say what is on the axes; ``limit`` is a height that
    is marked."""
    points = [point for line in drawn.values() for point in line]
    most_x = max((x for x, _ in points), default=1.0)
    most_y = max([limit, *(y for _, y in points)]) * 1.1

    def at(x: float, y: float) -> tuple[float, float]:
        across_px = LEFT + x / most_x * (WIDTH - LEFT - RIGHT)
        return round(across_px, 1), round(HEIGHT - BOTTOM - y / most_y * (HEIGHT - TOP - BOTTOM), 1)

    parts = [_text(LEFT, 24, title, size=15), _text(WIDTH - RIGHT, HEIGHT - 12, across, "end")]
    parts.append(_text(LEFT, TOP - 6, up, size=12))
    for value in _ticks(most_y):
        (x, y), (end, _) = at(0, value), at(most_x, value)
        parts.append(f'<path d="M{x} {y}H{end}" stroke="#8884"/>')
        parts.append(_text(x - 8, y + 4, f"{value:g}", "end"))
    for value in sorted({x for x, _ in points}):
        parts.append(_text(at(value, 0)[0], HEIGHT - BOTTOM + 18, f"{value:g}", "middle"))
    (x, y), (end, _) = at(0, limit), at(most_x, limit)
    parts.append(f'<path d="M{x} {y}H{end}" stroke="#888" stroke-dasharray="4 4"/>')
    for number, (name, line) in enumerate(drawn.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x},{y}" for x, y in (at(*point) for point in line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for point in line:
            x, y = at(*point)
            parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
        parts.append(_text(WIDTH - RIGHT + 12, TOP + 20 * number, name, colour=colour))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" role="img" aria-label="{escape(title)}">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _ticks(most: float) -> list[float]:
    """Round numbers from 0 to ``most``, at most six."""
    step = 10 ** math.floor(math.log10(most / 2))
    while most / step > 6:
        step *= 2
    return [i * step for i in range(math.floor(most / step) + 1)]


def _text(
    x: float, y: float, text: str, anchor: str = "start", size: int = 12, colour: str = "#888"
) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">'
        f"{escape(text)}</text>"
    )
