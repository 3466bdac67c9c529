"""Spans of OpenTelemetry, sent to whoever the environment names.

Knows nothing about what is traced. Imported only where traces are wanted: see `traces`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Span as AnySpan
from opentelemetry.trace import SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import auricle
from auricle.telemetry.tracing import Attribute, Kind

SERVICE: Final = "auricle"
"""What it is called unless ``OTEL_SERVICE_NAME`` or ``OTEL_RESOURCE_ATTRIBUTES`` say otherwise."""

NAMES: Final[Mapping[str, str]] = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "error": "error.type",
}
"""Attributes that have a name by convention; others are ``auricle.…``."""

KINDS: Final[Mapping[Kind, SpanKind]] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
}

_HEADERS: Final = TraceContextTextMapPropagator()
_NS: Final = 1_000_000_000


class OtelSpan:
    """A `tracing.Span`. Without one of OpenTelemetry's it is the tracer itself."""

    def __init__(self, tracer: Tracer, span: AnySpan | None = None) -> None:
        self._tracer = tracer
        self._span = span

    def begin(self, name: str, **attributes: Attribute) -> OtelSpan:
        if self._span is None:
            return self
        return self._begun(name, SpanKind.INTERNAL, self._context, attributes)

    def begin_from(
        self, name: str, kind: Kind, headers: Mapping[str, str], **attributes: Attribute
    ) -> OtelSpan:
        context = _HEADERS.extract(headers, Context())
        return self._begun(name, KINDS[kind], context, attributes)

    def past(self, name: str, took_s: float, **attributes: Attribute) -> None:
        if self._span is None:
            return
        ended_ns = time.time_ns()
        span = self._tracer.start_span(
            name,
            self._context,
            attributes=_named(attributes),
            start_time=ended_ns - round(took_s * _NS),
        )
        if "error" in attributes:
            span.set_status(StatusCode.ERROR)
        span.end(ended_ns)

    def note(self, **attributes: Attribute) -> None:
        if self._span is not None:
            self._span.set_attributes(_named(attributes))

    def rename(self, name: str) -> None:
        if self._span is not None:
            self._span.update_name(name)

    def fail(self, error: str) -> None:
        if self._span is not None:
            self.note(error=error)
            self._span.set_status(StatusCode.ERROR)  # no message: it may quote the client

    def end(self) -> None:
        if self._span is not None:
            self._span.end()

    @property
    def headers(self) -> dict[str, str]:
        carrier: dict[str, str] = {}
        _HEADERS.inject(carrier, self._context)
        return carrier

    @property
    def _context(self) -> Context:
        return Context() if self._span is None else set_span_in_context(self._span, Context())

    def _begun(
        self, name: str, kind: SpanKind, context: Context, attributes: Mapping[str, Attribute]
    ) -> OtelSpan:
        span = self._tracer.start_span(name, context, kind, _named(attributes))
        return OtelSpan(self._tracer, span)


def _named(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {NAMES.get(name, f"auricle.{name}"): value for name, value in attributes.items()}


def provider(exporter_name: str) -> TracerProvider:
    """What spans are handed to: they are sent in batches, from a thread. Everything about that is
    read from the environment by OpenTelemetry itself."""
    exporter: SpanExporter = (
        ConsoleSpanExporter() if exporter_name == "console" else OTLPSpanExporter()
    )
    own = Resource({SERVICE_NAME: SERVICE, SERVICE_VERSION: auricle.__version__})
    made = TracerProvider(resource=own.merge(_resource()))
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


def _resource() -> Resource:
    """What the environment says of this service, without the name that stands for none."""
    found = Resource.create()
    named = {
        key: value
        for key, value in found.attributes.items()
        if not (key == SERVICE_NAME and str(value).startswith("unknown_service"))
    }
    return Resource(named)


def root(made: TracerProvider) -> OtelSpan:
    """The tracer of a provider."""
    return OtelSpan(made.get_tracer(SERVICE, auricle.__version__))
