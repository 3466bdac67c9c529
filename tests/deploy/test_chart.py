"""The Helm chart, rendered by Helm's own library and held against the schemas of Kubernetes.

Kinds of the Prometheus operator have no schema there; of them the parts in use are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, HelmError

from auricle.settings.config import Settings
from tests.rules.source import ROOT

CHART = ROOT / "deploy" / "helm" / "auricle"
VERSIONS = ("1.29", "1.33", kubernetes_validate.latest_version())
OPERATOR = {"PodMonitor", "ServiceMonitor", "PrometheusRule"}

KEYS: dict[str, Any] = {"keys": {"values": ["sk-one", "sk-two"]}}
SEVERAL: dict[str, Any] = {**KEYS, "jobs": {"enabled": False}}
CASES: dict[str, dict[str, Any]] = {
    "plain": KEYS,
    "keyring": {"keys": {"existingSecret": "speech-keys"}},
    "list": {"keys": {"existingSecret": "speech-keys", "existingKind": "list"}},
    "open": {"keys": {"insecure": True}},
    "several": {**SEVERAL, "replicaCount": 3},
    "by processor": {**SEVERAL, "autoscaling": {"enabled": True}},
    "by queue": {**SEVERAL, "autoscaling": {"enabled": True, "queueSeconds": 30}},
    "gpu": {
        **KEYS,
        "gpu": {"enabled": True, "count": 2, "runtimeClassName": "nvidia"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    },
    "ingress": {**KEYS, "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls"}},
    "under a path": {**KEYS, "ingress": {"enabled": True, "path": "/speech/"}},
    "watched": {
        **KEYS,
        "monitoring": {
            "podMonitor": True,
            "serviceMonitor": True,
            "rules": True,
            "keySecret": {"name": "metrics", "key": "key"},
        },
    },
    "everything else": {
        **KEYS,
        "settings": {
            "model": "small",
            "max_upload_mb": 100,
            "allowed_hosts": "a.example,b.example",
        },
        "env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"}],
        "trustedProxies": "10.0.0.0/8",
        "models": {"storageClassName": "fast", "whenScaled": "Retain"},
        "networkPolicy": {"from": [{"namespaceSelector": {}}], "egress": []},
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
        "nodeSelector": {"e": "f"},
        "priorityClassName": "high",
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
        ],
    },
}


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    with Chart.load(CHART) as chart:
        files = chart.render(values=values, name="demo", namespace="speech")
    return [
        document
        for name, text in files.items()
        if name.endswith(".yaml")
        for document in yaml.safe_load_all(text)
        if document is not None
    ]


def one(values: dict[str, Any], kind: str) -> Any:
    (found,) = (each for each in rendered(values) if each["kind"] == kind)
    return found


def container(values: dict[str, Any]) -> Any:
    (found,) = one(values, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    return found


def environ(values: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(values)["env"]}


def strings(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for each in value.values():
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)
        case str():
            yield value


@pytest.mark.parametrize("values", CASES.values(), ids=list(CASES))
def test_what_is_rendered_is_what_kubernetes_takes(values: dict[str, Any]) -> None:
    documents = rendered(values)
    assert {"StatefulSet", "Service"} <= {each["kind"] for each in documents}
    for document in documents:
        if document["kind"] in OPERATOR:
            assert document["apiVersion"] == "monitoring.coreos.com/v1"
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)


def test_helm_finds_nothing_wrong() -> None:
    found = helm_python.lint(CHART, values=KEYS)
    assert found["errors"] == []
    assert [each["error"] for each in found["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "others reach this server: give keys.existingSecret or keys.values"),
        ({**KEYS, "replicaCount": 2}, "a job is known to the server alone that took it"),
        ({**KEYS, "autoscaling": {"enabled": True}}, "a job is known to the server alone"),
        ({**KEYS, "settings": {"port": 1}}, "settings.port is set by the chart"),
        ({**KEYS, "replicas": 2}, "replicas"),
        ({**KEYS, "ingress": {"path": "/speech"}}, "pattern"),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmError, match=message):
        rendered(values)


@pytest.mark.parametrize("values", CASES.values(), ids=list(CASES))
def test_every_setting_that_is_given_is_one(values: dict[str, Any]) -> None:
    known = {f"AURICLE_{each.name.upper()}" for each in fields(Settings)}
    given = {name for name in environ(values) if name.startswith("AURICLE_")}
    assert given - known == set()


@pytest.mark.parametrize("values", CASES.values(), ids=list(CASES))
def test_a_server_may_do_nothing_but_its_work(values: dict[str, Any]) -> None:
    pod = one(values, "StatefulSet")["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert server["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    user = re.search(r"^USER (\d+)$", (ROOT / "deploy/Dockerfile").read_text(), re.M)
    assert user is not None
    assert pod["securityContext"]["runAsUser"] == int(user[1])
    mounted = {each["mountPath"] for each in server["volumeMounts"]}
    assert {"/models", "/tmp"} <= mounted <= {"/models", "/tmp", "/jobs", "/keys"}


def test_keys_are_in_the_secret_alone() -> None:
    documents = rendered(KEYS)
    holding = [each["kind"] for each in documents if any("sk-one" in s for s in strings(each))]
    assert holding == ["Secret"]
    assert environ(KEYS)["AURICLE_API_KEYS_FILE"] == "/keys/keys"
    assert environ(CASES["keyring"])["AURICLE_KEYRING"] == "/keys/keyring.json"
    assert environ(CASES["list"])["AURICLE_API_KEYS_FILE"] == "/keys/keys"
    assert environ(CASES["open"])["AURICLE_INSECURE"] == "true"


def test_a_server_has_time_to_stop() -> None:
    values = {**KEYS, "drainSeconds": 600, "preStopSeconds": 20}
    pod = one(values, "StatefulSet")["spec"]["template"]["spec"]
    drain_s = int(environ(values)["AURICLE_DRAIN_S"])
    wait_s = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert (drain_s, wait_s, pod["terminationGracePeriodSeconds"]) == (600, 20, 630)


def test_probes_ask_what_they_should() -> None:
    server = container({**KEYS, "startSeconds": 605})
    asked = {
        name: server[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "readiness", "liveness")
    }
    assert asked == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
    startup = server["startupProbe"]
    assert startup["failureThreshold"] * startup["periodSeconds"] == 610


def test_it_scales_by_what_waits_or_by_the_processor() -> None:
    scaled = one(CASES["by queue"], "HorizontalPodAutoscaler")["spec"]
    assert (
        scaled["scaleTargetRef"]["name"]
        == one(CASES["by queue"], "StatefulSet")["metadata"]["name"]
    )
    assert scaled["metrics"] == [
        {
            "type": "Pods",
            "pods": {
                "metric": {"name": "auricle_backlog_seconds"},
                "target": {"type": "AverageValue", "averageValue": "30"},
            },
        }
    ]
    (metric,) = one(CASES["by processor"], "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 80}
    assert "replicas" not in one(CASES["by queue"], "StatefulSet")["spec"]
    assert environ(CASES["by queue"])["AURICLE_MAX_JOBS"] == "0"


def test_a_gpu_is_asked_for() -> None:
    server = container(CASES["gpu"])
    assert server["resources"]["limits"]["nvidia.com/gpu"] == 2
    assert server["image"].endswith("-cuda")
    assert environ(CASES["gpu"])["AURICLE_DEVICE"] == "cuda"


def test_the_server_answers_to_the_names_it_is_called_by() -> None:
    allowed = environ(CASES["ingress"])["AURICLE_ALLOWED_HOSTS"].split(",")
    assert allowed == ["demo-auricle.speech", "demo-auricle.speech.svc", "speech.example.com"]
    more = environ(CASES["everything else"])["AURICLE_ALLOWED_HOSTS"].split(",")
    assert more[2:] == ["a.example", "b.example"]


def test_events_and_uploads_pass_the_ingress_as_they_come() -> None:
    notes = one(CASES["under a path"], "Ingress")["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io/"
    assert {name.removeprefix(prefix): value for name, value in notes.items()} == {
        "proxy-body-size": "0",
        "proxy-buffering": "off",
        "proxy-request-buffering": "off",
        "proxy-read-timeout": "3600",
        "proxy-send-timeout": "3600",
        "rewrite-target": "/$1",
        "use-regex": "true",
    }
    (rule,) = one(CASES["under a path"], "Ingress")["spec"]["rules"]
    assert rule["http"]["paths"][0]["path"] == "/speech/(.*)"


def test_the_alert_rules_are_those_of_everybody() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text("utf-8"))
    assert one(CASES["watched"], "PrometheusRule")["spec"] == rules
    monitor = one(CASES["watched"], "PodMonitor")["spec"]
    assert monitor["podMetricsEndpoints"][0]["authorization"]["credentials"] == {
        "name": "metrics",
        "key": "key",
    }
    watched = one(CASES["watched"], "ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
    services = [each for each in rendered(CASES["watched"]) if each["kind"] == "Service"]
    chosen = [each for each in services if watched <= each["metadata"]["labels"].items()]
    assert [each["metadata"]["name"] for each in chosen] == ["demo-auricle-each"]
