"""Lines are drawn where their numbers are."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from auricle_bench.measurements.picture import lines

SVG = "{http://www.w3.org/2000/svg}"


def test_lines():
    drawn = {"base, p50": [(1, 0.5), (4, 1.0)], "base, p95": [(1, 1.0), (4, 3.0)]}
    root = ET.fromstring(lines("How soon & how sure", "streams", "seconds", drawn, 2.0))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts == [
        *("How soon & how sure", "streams", "seconds"),
        *("0", "1", "2", "3"),
        *("1", "4", "base, p50", "base, p95"),
    ]
    found = [element.attrib["points"] for element in root.iter(f"{SVG}polyline")]
    points = [[tuple(map(float, p.split(","))) for p in each.split()] for each in found]
    assert [[x for x, _ in line] for line in points] == [[184.5, 570.0], [184.5, 570.0]]
    heights = [[y for _, y in line] for line in points]
    assert heights[0][0] > heights[0][1] == heights[1][0] > heights[1][1]
    [dashed] = [e for e in root.iter(f"{SVG}path") if "stroke-dasharray" in e.attrib]
    limit = float(re.findall(r"[\d.]+", dashed.attrib["d"])[1])
    assert heights[1][1] < limit < heights[1][0]


def test_nothing_to_draw():
    assert ET.fromstring(lines("t", "a", "u", {}, 2.0)).tag == f"{SVG}svg"
