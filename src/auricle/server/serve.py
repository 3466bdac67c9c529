"""A listening server from start to stop: sockets, signals, draining.

Knows nothing about paths, or how requests are answered: the application does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from functools import partial
from types import FrameType

import uvicorn

from auricle.engine import machine
from auricle.errors import BadSetting
from auricle.models import fetch
from auricle.models.progress import Bar
from auricle.runtime import Runtime
from auricle.server.access.keys import ApiKeys
from auricle.server.app import create_app
from auricle.server.metrics import Metrics
from auricle.server.reloading import Reloading
from auricle.server.traces import traced
from auricle.server.transport import descriptors, listeners, systemd, tls
from auricle.server.transport.http_protocol import HttpProtocol
from auricle.server.transport.in_flight import InFlight
from auricle.server.transport.websocket_protocol import (
    MAX_MESSAGE_BYTES,
    PING_S,
    WebSocketProtocol,
)
from auricle.server.wyoming import discovery
from auricle.server.wyoming import listener as wyoming
from auricle.server.wyoming.listener import WyomingListener
from auricle.settings.config import Settings
from auricle.speech_runtime import SpeechRuntime
from auricle.telemetry.tracing import NULL_SPAN, Span
from auricle.whisper import languages

if sys.platform != "win32":
    import uvloop

KEEP_ALIVE_S = 75
"""How long an idle connection stays open: longer than clients' pools keep theirs, so that the
client is the one to close and no request meets a closing socket."""

CLOSE_S = 5
"""How long connections may take to close once nothing is being answered on them."""

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)

logger = logging.getLogger(__name__)


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are ours: uvicorn would stop listening before accepted work is done."""
        yield


class Server:
    """One server: created listening, `run` until `stop`. Everything but `run` may be called from
    the event loop's thread only.

    Raises:
        BadSetting: host or port cannot be listened on, or the file of keys cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        runtime: SpeechRuntime,
        metrics: Metrics | None = None,
        keys: ApiKeys | None = None,
        tracer: Span = NULL_SPAN,
    ) -> None:
        self._settings = settings
        self._in_flight = InFlight()
        self._hurry = asyncio.Event()
        self._stop = asyncio.Event()
        self._keys = keys = keys or ApiKeys.of(settings)
        # May find fault with a setting: nothing is open yet
        app = create_app(runtime, self._in_flight, self.stop, metrics, keys, tracer)
        context = tls.server_context(settings)
        self._listeners = _listeners(settings, keys)
        self._zeroconf = discovery.package(settings)
        self._wyoming_sockets = wyoming.sockets(settings)
        self._wyoming = WyomingListener(runtime, self._in_flight)
        scheme = "http" if context is None else "https"
        self.urls = tuple(listeners.url(listener, scheme) for listener in self._listeners)
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                loop="none",
                http=partial(  # type: ignore[arg-type]  # whatever makes a protocol will do
                    HttpProtocol, max_connections=descriptors.max_connections(settings)
                ),
                ws=WebSocketProtocol,
                ws_max_size=MAX_MESSAGE_BYTES,
                ws_ping_interval=PING_S,
                ws_ping_timeout=PING_S,
                ws_per_message_deflate=False,  # several times the work, and audio stays as large
                ssl_context_factory=None if context is None else lambda *_: context,
                forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1"),
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=CLOSE_S,
                backlog=listeners.BACKLOG,
            )
        )

    def stop(self) -> None:
        """Take no new work, finish what was accepted, then end `run`. A second call ends at once
        what is not finished."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def run(self) -> None:
        logger.info("listening on %s", " and ".join(self.urls))
        for each in self._wyoming_sockets:
            logger.info("listening for Wyoming on %s", listeners.url(each, "tcp"))
        if self._settings.insecure and not listeners.is_loopback(self._settings.host):
            logger.warning("everybody who can reach this address may use it without a key")
        if self._keys.let_nobody_in:
            logger.warning("%s (keyring) holds no key: nobody is let in", self._settings.keyring)
        folder = self._settings.job_folder
        if folder is not None and not folder.is_dir():
            logger.warning("%s (job_folder) is no folder: jobs that name a path get none", folder)
        draining = asyncio.create_task(self._drain(), name="server drain")
        try:
            async with (
                self._wyoming.listening(self._wyoming_sockets),
                discovery.announced(self._zeroconf, self._settings),
            ):
                await self._uvicorn.serve(sockets=self._listeners)
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
            logger.info("stopped")

    async def _drain(self) -> None:
        await self._stop.wait()
        logger.info("stopping: finishing what was accepted")
        systemd.notify("STOPPING=1", "STATUS=finishing what was accepted")
        self._in_flight.stop()
        idle = asyncio.ensure_future(self._in_flight.idle())
        hurry = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait(
                (idle, hurry),
                timeout=self._settings.drain_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            idle.cancel()
            hurry.cancel()
        n_cancelled = self._in_flight.cancel_all()
        if n_cancelled:
            logger.warning("cancelled %d unfinished requests", n_cancelled)
        self._uvicorn.should_exit = True


def _listeners(settings: Settings, keys: ApiKeys) -> list[socket.socket]:
    """Those that a service manager passes, or else those of the settings.

    Raises:
        BadSetting: they cannot be had; or others reach them, and need no key.
    """
    passed = systemd.passed()
    for listener in passed:
        address = listener.getsockname()[0]
        if not (keys.are_asked_for or settings.insecure or listeners.is_loopback(address)):
            raise BadSetting(
                f"others reach this server on {address}, where the service manager listens, and it "
                "has no keys: name them with --api-keys-file or --keyring, or let everybody in "
                "with --insecure"
            )
    return passed or listeners.listeners(settings.host, settings.port)


async def serve(
    settings: Settings,
    runtime: SpeechRuntime,
    metrics: Metrics | None = None,
    keys: ApiKeys | None = None,
    load: Callable[[], Settings] | None = None,
) -> None:
    """Serve until a signal asks to stop. ``load`` reads the settings anew, when another asks.

    Raises:
        BadSetting: host or port cannot be listened on, or traces cannot be collected so.
    """
    keys = keys or ApiKeys.of(settings)
    async with traced(os.environ) as tracer:
        server = Server(settings, runtime, metrics, keys, tracer)
        with _signals_stop(server), _hangup_reloads(load and Reloading(runtime, keys, load)):
            await server.run()


@contextlib.contextmanager
def _hangup_reloads(reload: Callable[[], None] | None) -> Iterator[None]:
    """SIGHUP has the settings read anew. In a terminal, and under nohup, it means what it always
    meant: that the terminal is gone."""
    is_daemon = sys.platform != "win32" and not os.isatty(0)
    is_main = threading.current_thread() is threading.main_thread()
    if reload is None or not (is_daemon and is_main):
        yield
        return
    before = signal.getsignal(signal.SIGHUP)
    if before != signal.SIG_DFL:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


@contextlib.contextmanager
def _signals_stop(server: Server) -> Iterator[None]:
    """SIGINT and SIGTERM stop ``server``; after two of them a third ends the process. Only a main
    thread hears signals; in any other this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    n_signals = 0

    def on_signal(_: int, __: FrameType | None) -> None:
        nonlocal n_signals
        n_signals += 1
        loop.call_soon_threadsafe(server.stop)
        if n_signals == 2:
            restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield
    finally:
        restore()


def run(settings: Settings, load: Callable[[], Settings] | None = None) -> int:
    """Serve the model ``settings`` name until a signal; the process's exit status. ``load`` reads
    the settings anew.

    Raises:
        BadSetting: host or port cannot be listened on, or there is no such language.
        ModelNotFound: there is no such model.
        ModelUnusable: what was given as the model's folder is none.
    """
    fetch.check(settings)
    languages.check(settings.language)
    machine.return_freed_memory()
    descriptors.raise_limit()
    loop_factory = None if sys.platform == "win32" else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve_settings(settings, load))
    return 0


async def _serve_settings(settings: Settings, load: Callable[[], Settings] | None) -> None:
    metrics, keys = Metrics(), ApiKeys.of(settings)
    runtime = Runtime(settings, Bar(), observer=metrics, grants=keys)
    await serve(settings, runtime, metrics, keys, load)
