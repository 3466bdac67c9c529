"""The picture of a run."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from auricle.bench.clips import Clip
from auricle.bench.load import Outcome
from auricle.bench.plot import svg
from auricle.bench.summary import Summary, summarise

SVG = "{http://www.w3.org/2000/svg}"


def phase(load: str, latency_s: float) -> Summary:
    clip = Clip(Path("a.wav"), 10.0)
    return summarise(load, [Outcome(clip, 0.0, latency_s, "200", "x", None, None)])


def test_a_bar_and_three_points_for_each_phase():
    root = ElementTree.fromstring(svg([phase("c=1", 2.0), phase("c=4", 4.0)], "a <server> & more"))
    words = [each.text for each in root.iter(f"{SVG}text")]
    titles = [each.text for each in root.iter(f"{SVG}title")]
    assert words[0] == "a <server> & more"
    assert words.count("c=1") == words.count("c=4") == 2
    assert titles == ["5.00", "2.50", *["2.000 s", "4.000 s"] * 3]
    heights = [float(each.attrib["height"]) for each in root.iter(f"{SVG}rect")][1:]
    assert heights == [224.0, 112.0]  # the axis ends at 5, so the first bar fills it
    assert len(list(root.iter(f"{SVG}polyline"))) == 3


@pytest.mark.parametrize("summaries", [[], [summarise("c=1", [])]])
def test_nothing_measured_is_still_a_picture(summaries):
    ElementTree.fromstring(svg(summaries, "nothing"))


@pytest.mark.parametrize(
    ("latency_s", "top"), [(0.03, "0.05"), (0.11, "0.2"), (2.1, "2.5"), (7.0, "10"), (10.0, "10")]
)
def test_axes_end_at_round_numbers(latency_s, top):
    words = re.findall(r">([\d.]+)</text>", svg([phase("c", latency_s)], "t"))
    assert words[-1] == top
