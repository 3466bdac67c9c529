"""What a load takes is computed from what was measured."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from tests.rules.source import ROOT


@pytest.fixture(scope="module")
def scale() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "scale.py"))


def test_cores_for_hours(scale: dict[str, Any]):
    """720 hours a month are one at any time, of which a core may read ten."""
    assert scale["cores_for_hours"](7200 * 0.7, 100.0, 10.0) == pytest.approx(1.0)


def test_cores_for_streams(scale: dict[str, Any]):
    assert scale["cores_for_streams"](1000, 4, 2) == 500


def test_the_page_has_what_the_figures_say_for_whatever_is_asked(scale: dict[str, Any]):
    text = scale["tables"](20, 5000)
    for part in ("**5,000 hours a month**", "**20 live streams**", "nginx", "`make bench ARGS="):
        assert part in text
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    assert scale["page"](page) == page
