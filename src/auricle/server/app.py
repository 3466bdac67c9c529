"""The whole HTTP application in one list: paths, what wraps them, what starts and stops with it.

Knows nothing about sockets or signals; ``serve`` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from auricle.jobs.service import JobService
from auricle.server import errors, openapi, page
from auricle.server.access.client_secrets import ClientSecrets
from auricle.server.access.keys import ApiKeys
from auricle.server.access.middleware import AccessMiddleware
from auricle.server.audio import Audio
from auricle.server.audio_upload import UploadReader
from auricle.server.batches.endpoints import BatchEndpoints
from auricle.server.batches.files import Files
from auricle.server.batches.lines import BatchLines
from auricle.server.dialects.argmax import Control
from auricle.server.dialects.asr_webservice import Asr, DetectLanguage
from auricle.server.dialects.base_urls import BaseUrls
from auricle.server.dialects.deepgram import grant
from auricle.server.dialects.deepgram.errors import DeepgramPaths
from auricle.server.dialects.deepgram.listen import Listen
from auricle.server.dialects.deepgram.live import FLUX, LISTEN, LiveEndpoint
from auricle.server.dialects.openai import OPENAI
from auricle.server.dialects.realtime import endpoint as realtime
from auricle.server.dialects.realtime.secrets import Secrets
from auricle.server.dialects.whispercpp import Inference
from auricle.server.dialects.whisperkit import WHISPERKIT, WhisperKitStatus
from auricle.server.diarization import DiarizationEndpoint
from auricle.server.downloads import Downloads
from auricle.server.jobs import bodies
from auricle.server.jobs.endpoints import Jobs
from auricle.server.machine import Machine
from auricle.server.metrics import Metrics, MetricsPage
from auricle.server.models import Models
from auricle.server.recent_errors import RecentErrors
from auricle.server.status import Status
from auricle.server.transport import systemd
from auricle.server.transport.in_flight import InFlight
from auricle.server.transport.requests import RequestMiddleware
from auricle.server.transport.socket import upgrade_required
from auricle.server.transport.spool import Spool
from auricle.server.transport.upload import MIB
from auricle.speech_runtime import SpeechRuntime
from auricle.telemetry import tracing
from auricle.telemetry.tracing import NULL_SPAN, Span

logger = logging.getLogger(__name__)


def create_app(
    runtime: SpeechRuntime,
    in_flight: InFlight | None = None,
    shut_down: Callable[[], None] | None = None,
    metrics: Metrics | None = None,
    keys: ApiKeys | None = None,
    tracer: Span = NULL_SPAN,
) -> Starlette:
    """The application for one runtime; ``in_flight`` and ``shut_down`` come from whoever will stop
    it in order, ``metrics`` and ``keys`` from whoever gave them to the runtime; ``tracer`` begins
    the spans of requests and jobs."""
    in_flight = in_flight or InFlight()
    metrics = metrics or Metrics()
    spool = Spool(runtime.settings.min_free_disk_mb * MIB)
    may_end = runtime.settings.allow_shutdown
    keys = keys or ApiKeys.of(runtime.settings)
    reader = UploadReader(runtime, in_flight, spool)
    jobs = JobService(runtime, bodies.event, BatchLines(runtime.settings), metrics, keys)
    secrets, tokens = ClientSecrets(), ClientSecrets(path=grant.PATH)
    failures = RecentErrors()
    app = Starlette(
        routes=[
            *_routes(runtime, reader, Status(runtime, in_flight), keys),
            *Jobs(reader, jobs).routes(),
            *Files(reader, jobs).routes(),
            *BatchEndpoints(reader, jobs).routes(),
            *_secrets(runtime, secrets, tokens),
            *_control(runtime, shut_down if may_end else None),
            *_sockets(runtime, secrets),
            Route("/metrics", MetricsPage(runtime, in_flight, metrics, jobs).page),
            Route("/v1/errors", failures.listed),
        ],
        middleware=[
            Middleware(
                RequestMiddleware,
                in_flight=in_flight,
                observer=metrics,
                on_end=failures.note,
                tracer=tracer,
            ),
            Middleware(BaseUrls),
            Middleware(DeepgramPaths),
            Middleware(
                AccessMiddleware,
                settings=runtime.settings,
                keys=keys,
                refusals={realtime.PATH: realtime.refuse},
                secrets={realtime.PATH: secrets, "/v1/listen": tokens, "/v2/listen": tokens},
            ),
        ],
        exception_handlers={HTTPException: errors.on_http_exception},
        lifespan=lambda _: _running(runtime, spool, jobs, in_flight, tracer),
    )
    app.router.redirect_slashes = False  # a client would send its upload to the wrong path first
    app.router.default = errors.no_such_path
    return app


def _routes(
    runtime: SpeechRuntime, reader: UploadReader, status: Status, keys: ApiKeys
) -> list[Route]:
    settings = runtime.settings
    is_whisperkit = settings.dialect == "whisperkit"
    dialect = WHISPERKIT if is_whisperkit else OPENAI
    shown = WhisperKitStatus(status) if is_whisperkit else status
    models = Models(runtime)
    routes = [
        *_audio("/v1/audio/transcriptions", Audio(reader, "transcribe", dialect)),
        *_audio("/v1/audio/translations", Audio(reader, "translate", dialect)),
        Route("/v1/audio/diarization", DiarizationEndpoint(reader), methods=["POST"]),
        Route("/v1/listen", Listen(reader), methods=["POST"]),
        Route("/v1/models", models.listed),
        Route("/v1/models/{id:path}/load", models.load, methods=["POST"]),
        Route("/v1/models/{id:path}/unload", models.unload, methods=["POST"]),
        *_downloads(runtime, keys),
        Route("/v1/models/{id:path}", models.one),
        Route("/health", shown.health),
        Route("/livez", status.live),
        Route("/readyz", status.ready),
        Route("/", page.or_else(shown.index)),
        Route("/page/{name}", page.asset, include_in_schema=False),
        Route("/openapi.json", openapi.document),
        Route("/openapi.yaml", openapi.document_yaml),
        Route("/docs", openapi.page),
        Route("/docs/{name}", openapi.asset, include_in_schema=False),
    ]
    if settings.compat_apis:
        routes += [
            Route("/inference", Inference(reader), methods=["POST"], include_in_schema=False),
            Route("/asr", Asr(reader), methods=["POST"], include_in_schema=False),
            Route(
                "/detect-language",
                DetectLanguage(reader),
                methods=["POST"],
                include_in_schema=False,
            ),
        ]
    return routes


def _downloads(runtime: SpeechRuntime, keys: ApiKeys) -> list[Route]:
    downloads, path = Downloads(runtime, keys), "/v1/models/{id:path}/download"
    return [
        Route(path, downloads.start, methods=["POST"]),
        Route(path, downloads.cancel, methods=["DELETE"]),
        Route("/v1/downloads", downloads.listed),
        Route("/v1/machine", Machine(runtime).found),
    ]


def _sockets(runtime: SpeechRuntime, secrets: ClientSecrets) -> list[WebSocketRoute | Route]:
    sockets: dict[str, ASGIApp] = {
        "/v1/listen": LiveEndpoint(runtime, LISTEN),
        "/v2/listen": LiveEndpoint(runtime, FLUX),
        realtime.PATH: realtime.Realtime(runtime, secrets),
    }
    return [
        *(WebSocketRoute(path, endpoint) for path, endpoint in sockets.items()),
        *(
            Route(path, upgrade_required, include_in_schema=False)
            for path in sockets
            if path != "/v1/listen"  # which takes recordings, too: a 405 says so
        ),
    ]


def _secrets(runtime: SpeechRuntime, secrets: ClientSecrets, tokens: ClientSecrets) -> list[Route]:
    endpoints = Secrets(runtime, secrets)
    granting = grant.Grant(tokens, runtime.settings.min_upload_bytes_per_s)
    older = f"{realtime.PATH}/transcription_sessions"
    return [
        Route(f"{realtime.PATH}/client_secrets", endpoints.create, methods=["POST"]),
        Route(older, endpoints.create_beta, methods=["POST"], include_in_schema=False),
        Route(grant.PATH, granting.grant, methods=["POST"], include_in_schema=False),
    ]


def _control(runtime: SpeechRuntime, shut_down: Callable[[], None] | None) -> list[Route]:
    if not runtime.settings.compat_apis:
        return []
    control = Control(runtime, shut_down)
    acts = (control.init, control.reset, control.unload, control.shutdown)
    return [
        Route("/v1/status", control.status, include_in_schema=False),
        *(
            Route(f"/v1/{act.__name__}", act, methods=["POST"], include_in_schema=False)
            for act in acts
        ),
    ]


def _audio(path: str, endpoint: Audio) -> tuple[Route, Route]:
    """An endpoint by its path, and by that of Azure's API: the model's name is in the path."""
    by_deployment = path.replace("/v1/", "/v1/deployments/{model}/")
    return (
        Route(path, endpoint, methods=["POST"]),
        Route(by_deployment, endpoint, methods=["POST"], include_in_schema=False),
    )


@contextlib.asynccontextmanager
async def _running(
    runtime: SpeechRuntime, spool: Spool, jobs: JobService, in_flight: InFlight, tracer: Span
) -> AsyncIterator[None]:
    """Start the runtime beside the listening server, which answers 503 until it is ready. Jobs go
    on behind it, and stop as soon as the server is to stop."""
    with tracing.within(tracer), spool.kept(), in_flight.on_stop(jobs.halt):
        jobs.context = contextvars.copy_context()
        starting = asyncio.create_task(_start(runtime, jobs), name="runtime start")
        try:
            yield
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await jobs.stop()
            await runtime.stop()


async def _start(runtime: SpeechRuntime, jobs: JobService) -> None:
    await runtime.start()
    if runtime.state == "ready":
        logger.info("ready: %s", runtime.model_id)
    # A server whose model could not be loaded answers, too, and tries again
    failure = f": {runtime.failure}" if runtime.failure is not None else ""
    systemd.notify("READY=1", f"STATUS={runtime.state}{failure}".replace("\n", " "))
    await jobs.start()
