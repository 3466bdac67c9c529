"""Telling Home Assistant that there is a Wyoming server on its network, by multicast DNS.

Knows nothing about connections. The package zeroconf does it, which is an extra.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from auricle.errors import BadSetting
from auricle.server.transport import listeners
from auricle.settings.config import Settings

KIND: Final = "_wyoming._tcp.local."
MULTICAST: Final = ("224.0.0.251", 5353)

Load = Callable[[str], Any]

_log = logging.getLogger(__name__)


def package(settings: Settings, load: Load = importlib.import_module) -> Any | None:
    """What announces the server, if that is wanted.

    Raises:
        BadSetting: it is not installed, or nobody else could reach what it announces.
    """
    if not settings.wyoming_zeroconf:
        return None
    if not settings.wyoming_port or listeners.is_loopback(settings.host):
        raise BadSetting(
            f"wyoming_zeroconf announces wyoming_port ({settings.wyoming_port}) on host "
            f"({settings.host!r}) to other machines, which cannot reach it there"
        )
    try:
        return load("zeroconf.asyncio")
    except ImportError as exc:
        raise BadSetting(
            "wyoming_zeroconf needs the package zeroconf: pip install 'auricle[zeroconf]'"
        ) from exc


@contextlib.asynccontextmanager
async def announced(zeroconf: Any | None, settings: Settings) -> AsyncIterator[None]:
    """The server is known on the network for as long as the context lasts; ``zeroconf`` is what
    `package` gave."""
    if zeroconf is None:
        yield
        return
    name = f"auricle-{socket.gethostname().partition('.')[0]}"
    service = zeroconf.AsyncServiceInfo(
        KIND,
        f"{name}.{KIND}",
        port=settings.wyoming_port,
        parsed_addresses=[_address(settings.host)],
        server=f"{name}.local.",
    )
    announcer = zeroconf.AsyncZeroconf()
    try:
        await announcer.async_register_service(service, allow_name_change=True)
        _log.info("announced as %s", service.name)
        yield
    finally:
        await announcer.async_unregister_all_services()
        await announcer.async_close()


def _address(host: str) -> str:
    """The address to tell others for what is listened on: of every address, the one that leads to
    the local network."""
    if host not in ("", "0.0.0.0", "::"):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(MULTICAST)  # sends nothing
        return str(probe.getsockname()[0])
