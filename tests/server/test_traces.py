"""Traces of OpenTelemetry: what is in them, whose they are, and that nobody is bothered without."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from auricle.errors import BadSetting, EngineFailed
from auricle.server import otel
from auricle.server.access.keys import ApiKeys
from auricle.server.traces import traced, wanted
from auricle.telemetry import tracing
from auricle.telemetry.tracing import NULL_SPAN
from auricle.types import DecodeOptions
from tests.fakes import FakeEngine
from tests.server.conftest import serving, settings
from tests.server.fakes import FakeRuntime
from tests.server.spans import PARENT_ID, TOLD, TRACE_ID, Collected, trace_of
from tests.test_transcribe import transcribed


@pytest.fixture
def collected() -> Collected:
    return Collected()


async def test_a_request_is_a_span_in_its_clients_trace(collected: Collected):
    runtime = FakeRuntime(settings())
    keys = ApiKeys(("sk-a-secret-key",))
    async with serving(runtime, keys=keys, tracer=collected.tracer) as served, served.http() as h:
        await runtime.started.wait()
        headers = {"authorization": "Bearer sk-a-secret-key"}
        data, files = {"model": "base", "prompt": "a prompt"}, {"file": ("t.wav", b"x")}
        path, told = "/v1/audio/transcriptions", {**headers, **TOLD}
        answer = await h.post(f"{path}?secret=1", headers=told, data=data, files=files)
        await h.get("/livez")
        await h.get("/made/up", headers=headers)
    span = collected.named(f"POST {path}")
    assert (trace_of(span), span.kind, span.status.status_code) == (
        TRACE_ID,
        SpanKind.SERVER,
        StatusCode.UNSET,
    )
    assert span.parent is not None
    assert format(span.parent.span_id, "016x") == PARENT_ID
    assert span.attributes == {
        "auricle.request_id": answer.headers["x-request-id"],
        "http.request.method": "POST",
        "http.route": path,
        "http.response.status_code": 200,
        "auricle.audio_s": 2.5,
    }
    assert trace_of(collected.named("GET none")) != TRACE_ID
    assert len(collected.spans) == 2
    collected.check("sk-a", "t.wav", "prompt", "secret", "made", "Hello")


async def test_an_error_is_told_by_its_kind_alone(collected: Collected):
    runtime = FakeRuntime(settings())
    runtime.steps = [EngineFailed("It died on secret.wav.")]
    async with serving(runtime, tracer=collected.tracer) as served, served.http() as http:
        await runtime.started.wait()
        await http.post("/v1/audio/transcriptions", data={"model": "base"}, files={"file": b"x"})
    (span,) = collected.spans
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "500"
    collected.check("secret")


async def test_a_window_is_followed_into_the_engine(collected: Collected):
    with tracing.within(collected.tracer.begin_from("request", "server", TOLD)):
        await transcribed(FakeEngine(), DecodeOptions(words=True), n_stretches=2)
    assert {trace_of(span) for span in collected.spans} == {TRACE_ID}
    tree = collected.tree()
    assert tree.count(("window", "request")) == 2
    for name in ("engine.encode", "engine.decode", "engine.align"):
        assert tree.count((name, "window")) == 2, name
    assert tree.count(("engine.detect", "window")) == 1
    assert tree.count(("queue.wait", "window")) == 7
    window = next(span for span in collected.spans if span.name == "window")
    assert {"auricle.index", "auricle.start_s", "auricle.audio_s"} < set(window.attributes or {})
    collected.check("Hello", "said")


def test_what_is_cancelled_is_no_error(collected: Collected):
    with (
        pytest.raises(asyncio.CancelledError),
        tracing.within(collected.tracer.begin_from("window", "server", {})),
    ):
        raise asyncio.CancelledError
    (span,) = collected.spans
    assert (span.status.status_code, span.attributes) == (
        StatusCode.UNSET,
        {"auricle.cancelled": 1},
    )
    assert tracing.current() is NULL_SPAN


def test_what_nobody_asked_for_leaves_no_trace(collected: Collected):
    with tracing.within(collected.tracer), tracing.spanning("window") as span:
        span.past("queue.wait", 1.0)
        span.note(index=1)
    assert (collected.spans, collected.tracer.headers) == ([], {})


@pytest.mark.parametrize(
    ("environ", "exporter"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "speech"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, None),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, None),
    ],
)
def test_the_environment_says_whether_there_are_traces(
    environ: Mapping[str, str], exporter: str | None
):
    assert wanted(environ) == exporter


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "zipkin"},
            "OTEL_TRACES_EXPORTER is 'zipkin'; supported are otlp, console, none",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; supported is http/protobuf",
        ),
    ],
)
async def test_what_there_is_not_is_refused(environ: Mapping[str, str], message: str):
    with pytest.raises(BadSetting, match=message):
        async with traced(environ):
            pass


async def test_without_the_extra_a_server_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.delitem(sys.modules, "auricle.server.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry.context", None)
    async with traced({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}) as tracer:
        assert tracer is NULL_SPAN
    assert "pip install 'auricle[otel]'" in caplog.text


async def test_a_service_has_a_name(monkeypatch: pytest.MonkeyPatch):
    for told, name in ((None, "auricle"), ("speech", "speech")):
        if told:
            monkeypatch.setenv("OTEL_SERVICE_NAME", told)
        provider = otel.provider("console")
        assert provider.resource.attributes["service.name"] == name
        provider.shutdown()
