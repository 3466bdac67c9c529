"""What is given to operators names what there is: metrics, settings and files."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

import pytest
import yaml

from auricle.jobs.service import JobService
from auricle.server.batches.lines import BatchLines
from auricle.server.jobs import bodies
from auricle.server.metrics import Metrics, MetricsPage
from auricle.server.transport.in_flight import InFlight
from auricle.settings.config import Settings
from tests.rules.source import ROOT
from tests.server.conftest import settings
from tests.server.fakes import FakeRuntime

DEPLOY = ROOT / "deploy"


def shown() -> set[str]:
    """Every name that ``GET /metrics`` may show."""
    metrics = Metrics()
    runtime = FakeRuntime(settings())
    jobs = JobService(runtime, bodies.event, BatchLines(runtime.settings))
    MetricsPage(runtime, InFlight(), metrics, jobs)
    return {
        f"{family.name}{ending}"
        for family in metrics.registry.collect()
        for ending in ("", "_total", "_bucket", "_sum", "_count")
    }


@pytest.mark.parametrize("name", ["grafana.json", "alerts.yaml"])
def test_every_metric_that_is_asked_for_is_shown(name: str) -> None:
    asked = set(re.findall(r"\bauricle_\w+", (DEPLOY / name).read_text("utf-8")))
    assert len(asked) > 3
    assert asked - shown() == set()


def test_the_dashboard_and_the_rules_can_be_read() -> None:
    dashboard: dict[str, Any] = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    assert all(
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    )
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text("utf-8"))
    assert all(rule["expr"] for group in rules["groups"] for rule in group["rules"])


def test_the_chart_has_the_same_rules() -> None:
    """It can only take files of its own folder, so it has a copy, which lacked the newest rules."""
    copy = DEPLOY / "helm" / "auricle" / "files" / "alerts.yaml"
    assert copy.read_text("utf-8") == (DEPLOY / "alerts.yaml").read_text("utf-8")


def test_every_setting_that_is_given_is_one() -> None:
    known = {f"AURICLE_{each.name.upper()}" for each in fields(Settings)} | {"AURICLE_CONFIG"}
    for name in ("Dockerfile", "compose.yaml", "auricle.service"):
        given = set(re.findall(r"\bAURICLE_\w+", (DEPLOY / name).read_text("utf-8")))
        assert given - known == set(), name


def test_the_image_copies_what_is_there_and_let_in() -> None:
    let_in = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.M):
        for source in line.split():
            assert (ROOT / source).exists()
            assert f"!{source}" in let_in
