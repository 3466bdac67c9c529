"""Percentiles, rates and error counts of a phase, and how they are shown."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from auricle_bench import report
from auricle_bench.clips import Clip
from auricle_bench.load import Outcome
from auricle_bench.session import Phase, Result
from auricle_bench.summary import Percentiles, Rate, Summary, Usage, percentile, summarise

CLIP = Clip(Path("a.wav"), 4.0, "en", "hello")


def answered(start_s: float, latency_s: float, first_text_s: float | None = None) -> Outcome:
    return Outcome(CLIP, start_s, latency_s, "200", "hello", 0.1, first_text_s)


def refused(start_s: float, latency_s: float, status: str = "429") -> Outcome:
    return Outcome(CLIP, start_s, latency_s, status, None, None, None, f"{status}: no")


def rounded(times: Percentiles | None) -> Percentiles:
    assert times is not None
    return Percentiles(*(round(each, 6) for each in msgspec.structs.astuple(times)))


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0], 0.5, 3.0),
        ([3.0], 0.99, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.5),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 0.0, 1.0),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 1.0, 5.0),
        ([0.0, 10.0], 0.95, 9.5),
    ],
)
def test_percentile(values, share, expected):
    assert percentile(values, share) == pytest.approx(expected)


def test_a_phase_counts_what_was_answered_and_what_was_not():
    outcomes = [
        answered(0.0, 2.0, 0.5),
        answered(1.0, 4.0, 1.5),
        refused(1.0, 0.01),
        refused(2.0, 0.03),
        refused(2.0, 1.0, "timeout"),
    ]
    found = summarise("c=2", outcomes, client_cpu_s=0.25, server=Usage(3.0, 1_000_000))
    exact = msgspec.structs.replace(
        found,
        latency=rounded(found.latency),
        first_text=rounded(found.first_text),
        refused=rounded(found.refused),
    )
    assert exact == Summary(
        load="c=2",
        n_requests=5,
        n_answered=2,
        errors={"429": 2, "timeout": 1},
        wall_s=5.0,
        audio_s=8.0,
        latency=Percentiles(3.0, 3.9, 3.98),
        first_text=Percentiles(1.0, 1.45, 1.49),
        refused=Percentiles(0.03, 0.903, 0.9806),
        client_cpu_share=0.05,
        server=Usage(3.0, 1_000_000),
        accuracy=None,
        complaint="429: no",
    )
    assert (found.requests_per_s, found.audio_per_s) == (0.4, 1.6)


def test_a_phase_without_requests_has_no_rates():
    found = summarise("c=1", [])
    assert (found.wall_s, found.audio_per_s, found.requests_per_s) == (0.0, 0.0, 0.0)
    assert (found.latency, found.first_text, found.refused) == (None, None, None)


def test_a_phase_is_a_line_of_cells():
    found = summarise(
        "c=1", [answered(0.0, 2.0, 0.5)], client_cpu_s=0.1, server=Usage(1.25, 700_000_000)
    )
    assert report.row(found) == (
        *("c=1", "1", "0", "0.50", "2.0", "2.00", "2.00", "2.00", "0.50"),
        *("1.2 s", "700 MB", "5%"),
    )
    assert len(report.row(found)) == len(report.HEADINGS)
    assert report.errors(found) == ""


def test_nothing_measured_is_an_empty_cell():
    cells = report.row(summarise("c=1", [refused(0.0, 0.5)]))
    assert cells == ("c=1", "1", "1", "0.00", "0.0", "", "", "", "", "", "", "0%")


def test_errors_are_counted_by_kind_with_an_example():
    found = summarise("c=1", [refused(0.0, 0.5), refused(0.0, 0.5), refused(0.0, 0.5, "500")])
    assert report.errors(found) == "errors: 2 × 429, 1 × 500; p95 0.500 s; the first: 429: no"


def test_error_rates_name_their_unit():
    rates = {"en": Rate("words", 200, 10), "ja": Rate("characters", 50, 1)}
    expected = "error rate: en 5.0% of 200 words, ja 2.0% of 50 characters"
    assert report.error_rates(rates) == expected
    assert report.error_rates({}) == ""


def test_the_document_holds_phases_and_requests():
    outcome = answered(0.0, 2.0, 0.5)
    result = Result(summarise("c=1", [outcome]), [outcome])
    document = json.loads(report.document([result], {"seed": 7}))
    assert document["seed"] == 7
    [phase] = document["phases"]
    assert (phase["load"], phase["audio_per_s"], phase["latency"]["p50_s"]) == ("c=1", 2.0, 2.0)
    assert phase["requests"] == [
        {
            "file": "a.wav",
            "start_s": 0.0,
            "latency_s": 2.0,
            "sent_s": 0.1,
            "first_text_s": 0.5,
            "status": "200",
            "text": "hello",
        }
    ]


@pytest.mark.parametrize(("phase", "name"), [(Phase(16), "c=16"), (Phase(rate=2.5), "2.5/s")])
def test_a_phase_has_a_name(phase, name):
    assert str(phase) == name
