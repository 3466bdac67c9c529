"""Spans as they are collected in memory."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from auricle.server import otel

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
TOLD = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}

ATTRIBUTES = {
    "auricle.request_id",
    "auricle.job_id",
    "auricle.audio_s",
    "auricle.index",
    "auricle.start_s",
    "auricle.language",
    "auricle.segments",
    "auricle.priority",
    "auricle.call",
    "auricle.rows",
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "error.type",
}
"""All that spans say of what these tests ask for."""


class Collected:
    """A tracer, and the spans that ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = otel.root(provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        (found,) = (span for span in self.spans if span.name == name)
        return found

    def tree(self) -> list[tuple[str, str | None]]:
        """The names of spans with those of what they are in."""
        names = {span.context.span_id: span.name for span in self.spans if span.context}
        return sorted(
            (span.name, names.get(span.parent.span_id) if span.parent else None)
            for span in self.spans
        )

    def check(self, *secrets: str) -> None:
        """Nothing but what may be known is in any span."""
        for span in self.spans:
            attributes = span.attributes or {}
            assert set(attributes) - ATTRIBUTES == set()
            assert not span.events
            assert span.status.description is None
            for secret in secrets:
                assert secret not in str([span.name, dict(attributes)])


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return format(span.context.trace_id, "032x")
