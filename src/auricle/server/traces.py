"""Whether traces are collected, as the environment variables of OpenTelemetry say.

Knows nothing about what is traced. OpenTelemetry is an extra, and is imported only when they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Final

from auricle.errors import BadSetting
from auricle.telemetry.tracing import NULL_SPAN, Span

EXPORTER: Final = "OTEL_TRACES_EXPORTER"
EXPORTERS: Final = ("otlp", "console", "none")
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"

CLOSE_S: Final = 3.0
"""How long a stopping server tries to send the last spans."""

logger = logging.getLogger(__name__)


def wanted(environ: Mapping[str, str]) -> str | None:
    """Which exporter is wanted, if any: the one that is named, or ``otlp`` where an endpoint is."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    named = environ.get(EXPORTER, "").strip().lower()
    if not named and any(environ.get(each, "").strip() for each in ENDPOINTS):
        named = "otlp"
    return None if named in ("", "none") else named


def _check(exporter: str, environ: Mapping[str, str]) -> None:
    """Raise `BadSetting` for what OpenTelemetry has and this server does not."""
    if exporter not in EXPORTERS:
        raise BadSetting(f"{EXPORTER} is {exporter!r}; supported are {', '.join(EXPORTERS)}")
    given = [(name, environ[name].strip()) for name in PROTOCOLS if environ.get(name, "").strip()]
    for name, protocol in given[:1]:
        if exporter == "otlp" and protocol != PROTOCOL:
            raise BadSetting(f"{name} is {protocol!r}; supported is {PROTOCOL}")


@contextlib.asynccontextmanager
async def traced(environ: Mapping[str, str]) -> AsyncIterator[Span]:
    """The tracer, until the context is left; then what is not sent yet is, for a while.

    Raises:
        BadSetting: a variable asks for what there is not.
    """
    exporter = wanted(environ)
    if exporter is None:
        yield NULL_SPAN
        return
    try:
        otel = importlib.import_module("auricle.server.otel")
    except ModuleNotFoundError:  # such variables are often set for all that runs somewhere
        logger.warning("no traces are collected: that takes pip install 'auricle[otel]'")
        yield NULL_SPAN
        return
    _check(exporter, environ)
    provider = otel.provider(exporter)
    logger.info("traces are collected (%s)", exporter)
    try:
        yield otel.root(provider)
    finally:
        closing = asyncio.create_task(asyncio.to_thread(provider.shutdown))
        await asyncio.wait({closing}, timeout=CLOSE_S)
