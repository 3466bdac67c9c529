"""Alert rules and dashboard are PromQL about metrics and labels that a running server shows."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from auricle.server.metrics import COUNTED, RECORDED
from tests.rules.source import ROOT
from tests.server.conftest import serving, settings
from tests.server.fakes import FakeRuntime

DEPLOY = ROOT / "deploy"
ADDED = {"instance", "job"}
"""Labels that Prometheus puts to what it collects."""

PROMTOOL = shutil.which("promtool")


def expressions() -> Iterator[tuple[str, str]]:
    dashboard: dict[str, Any] = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text("utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def nodes(expression: Any) -> Iterator[Any]:
    """An expression and all within it."""
    yield expression
    for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs"):
        inner = getattr(expression, name, None)
        if inner is not None:
            yield from nodes(inner)
    for inner in getattr(expression, "args", ()) or ():
        yield from nodes(inner)


def selectors(expression: Any) -> list[Any]:
    return [each for each in nodes(expression) if isinstance(each, promql_parser.VectorSelector)]


def grouped(expression: Any) -> set[str]:
    """The labels by which something is added up."""
    modifiers = (getattr(each, "modifier", None) for each in nodes(expression))
    return {
        label
        for each in modifiers
        if each is not None and hasattr(each, "labels")
        for label in each.labels
    }


async def shown() -> dict[str, set[str]]:
    """The names on a running server's page, with the labels each may have."""
    runtime = FakeRuntime(settings())
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        text = (await http.get("/metrics")).text
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        labels = {label for sample in family.samples for label in sample.labels}
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        for ending in endings.get(family.type, ("",)):
            found[f"{family.name}{ending}"] = labels | ({"le"} if ending == "_bucket" else set())
    for name, metric in (*COUNTED.items(), *RECORDED.items()):  # those that have no sample yet
        exposed = (
            f"auricle_{name.removesuffix('_s')}_seconds"
            if name.endswith("_s")
            else (f"auricle_{name}")
        )
        for each in found:
            if each.startswith(exposed):
                found[each] |= set(metric.labels)
    found["auricle_stored_jobs"].add("state")
    found["up"] = set()  # Prometheus's own: whether it could collect
    return found


async def test_what_is_asked_for_is_shown() -> None:
    there = await shown()
    asked = list(expressions())
    assert len(asked) > 20
    for title, text in asked:
        expression = promql_parser.parse(text)
        found = selectors(expression)
        assert found, title
        labels: set[str] = set()
        for selector in found:
            assert selector.name in there, f"{title}: {selector.name}"
            labels |= there[selector.name]
            matched = {matcher.name for matcher in selector.matchers.matchers}
            assert matched - there[selector.name] - ADDED == set(), title
        assert grouped(expression) - labels - ADDED == set(), title


def test_no_metric_has_a_label_that_prometheus_puts_there_itself() -> None:
    for name, metric in (*COUNTED.items(), *RECORDED.items()):
        assert set(metric.labels) & ADDED == set(), name


def test_the_parser_finds_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        promql_parser.parse("sum by (instance (rate(auricle_requests_total[5m]))")
    expression = promql_parser.parse(
        'sum by (le) (rate(a_bucket{x="1"}[5m])) / b unless on (c) max(d) > 2'
    )
    assert [each.name for each in selectors(expression)] == ["a_bucket", "b", "d"]
    assert "le" in grouped(expression)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_takes_the_rules_and_they_fire_when_they_should(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    rules = DEPLOY / "alerts.yaml"
    for asked in (["check", "rules", str(rules)], ["test", "rules", str(_cases(tmp_path, rules))]):
        ran = subprocess.run([PROMTOOL, *asked], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def _cases(folder: Path, rules: Path) -> Path:
    """Series for which each rule fires, and some for which none does."""

    def case(series: dict[str, str], at: str, *alerts: str) -> dict[str, Any]:
        return {
            "interval": "1m",
            "input_series": [{"series": name, "values": each} for name, each in series.items()],
            "alert_rule_test": [
                {
                    "eval_time": at,
                    "alertname": alert,
                    "exp_alerts": [{"exp_labels": labels[alert]}] if alert in alerts else [],
                }
                for alert in labels
            ],
        }

    at = {"instance": "a"}
    labels = {
        "AuricleNotReady": {"severity": "page", **at},
        "AuricleOverloaded": {"severity": "warn", **at},
        "AuricleFails": {"severity": "page", **at},
        "AuricleEngineDies": {"severity": "page", **at},
        "AuricleWaitsLong": {"severity": "warn", **at},
        "AuricleJobsWait": {"severity": "warn", **at},
        "AuricleLiveWordsLate": {"severity": "warn", **at},
        "AuricleSlowerThanSpeech": {"severity": "warn", **at},
    }
    late = {
        f'auricle_live_commit_seconds_bucket{{instance="a",le="{le}"}}': each
        for le, each in (("5", "0+0x60"), ("10", "0+10x60"), ("+Inf", "0+10x60"))
    }
    slow = {
        f'auricle_real_time_factor_bucket{{instance="a",length="long",le="{le}"}}': each
        for le, each in (("1", "0+1x60"), ("2", "0+10x60"), ("+Inf", "0+10x60"))
    }
    waits = {
        f'auricle_queue_wait_seconds_bucket{{instance="a",priority="short",le="{le}"}}': each
        for le, each in (("5", "0+0x60"), ("10", "0+10x60"), ("+Inf", "0+10x60"))
    }
    queued = {'auricle_stored_jobs{instance="a",state="queued"}': "3x120"}
    read = {'auricle_job_windows_total{instance="a",how="read"}': "0+1x120"}
    cases = [
        case({'auricle_ready{instance="a"}': "1x30"}, "20m"),
        case({'auricle_ready{instance="a"}': "0x30"}, "20m", "AuricleNotReady"),
        case(
            {'auricle_ready{instance="a"}': "1x5", 'up{instance="a"}': "1x5 0x25"},
            "20m",
            "AuricleNotReady",
        ),
        case({'up{instance="a"}': "0x30"}, "20m"),  # of another service
        case(
            {'auricle_requests_total{instance="a",route="/readyz",status="503"}': "0+60x30"}, "20m"
        ),
        case(
            {'auricle_requests_total{instance="a",status="429"}': "0+1x30"},
            "20m",
            "AuricleOverloaded",
        ),
        case(
            {'auricle_requests_total{instance="a",status="500"}': "0+60x30"}, "20m", "AuricleFails"
        ),
        case({'auricle_engine_deaths_total{instance="a"}': "0+1x30"}, "20m", "AuricleEngineDies"),
        case(waits, "40m", "AuricleWaitsLong"),
        case(queued, "90m", "AuricleJobsWait"),
        case({**queued, **read}, "90m"),
        case(late, "40m", "AuricleLiveWordsLate"),
        case(slow, "50m", "AuricleSlowerThanSpeech"),
    ]
    for each in cases:  # what a rule says is not compared
        for alert in each["alert_rule_test"]:
            for expected in alert["exp_alerts"]:
                expected["exp_annotations"] = {"summary": _summary(rules, alert["alertname"])}
    path = folder / "cases.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": cases}), "utf-8")
    return path


def _summary(rules: Path, alert: str) -> str:
    groups = yaml.safe_load(rules.read_text("utf-8"))["groups"]
    (found,) = (
        rule["annotations"]["summary"]
        for group in groups
        for rule in group["rules"]
        if rule["alert"] == alert
    )
    return str(found).replace("{{ $labels.instance }}", "a")
