"""The sockets a server listens on, bound before anything else is done.

Knows nothing about HTTP.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import sys
from collections.abc import Iterable

from auricle.errors import BadSetting

BACKLOG = 2048
FREE_PORT_TRIES = 20
"""A free port of one address family may be taken in the other; so often another is tried."""

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
"""Both meanings of localhost: clients differ in which they try first, and whether they try both."""

_NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})

Address = tuple[socket.AddressFamily, str]


def listeners(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of ``host``, all on one port.

    Raises:
        BadSetting: the port is taken or not allowed, or the host is not one of this machine's.
    """
    addresses = _addresses(host)
    for _ in range(FREE_PORT_TRIES if port == 0 else 1):
        try:
            sockets = _bound(addresses, port)
        except OSError as exc:
            if port == 0 and exc.errno == errno.EADDRINUSE:
                continue
            raise BadSetting(_explained(host, port, exc)) from exc
        if sockets:
            return sockets
        raise BadSetting(f"this machine has no address for host {host!r}")
    raise BadSetting(f"no port is free on every address of host {host!r}")


def url(listener: socket.socket, scheme: str = "http") -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _addresses(host: str) -> list[Address]:
    if host == "localhost":
        return list(LOOPBACK)
    try:
        found = socket.getaddrinfo(
            host or None, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as exc:
        raise BadSetting(f"cannot resolve host {host!r}: {exc.strerror or exc}") from exc
    known = [(family, str(where[0])) for family, _, _, _, where in found]
    return list(dict.fromkeys(known))


def _bound(addresses: Iterable[Address], port: int) -> list[socket.socket]:
    """One socket an address; a family this machine does not have is left out."""
    with contextlib.ExitStack() as opened:
        sockets: list[socket.socket] = []
        for family, address in addresses:
            try:
                listener = _listener(family, address, port)
            except OSError as exc:
                if exc.errno in _NO_SUCH_FAMILY:
                    continue
                raise
            opened.callback(listener.close)
            sockets.append(listener)
            port = port or listener.getsockname()[1]
        opened.pop_all()
        return sockets


def _listener(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # "::" means every address, of both families
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address != "::"))
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _explained(host: str, port: int, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"port {port} on host {host!r} is already in use; choose another with --port"
    if exc.errno == errno.EACCES:
        return f"this user may not listen on port {port} of host {host!r}"
    return f"cannot listen on port {port} of host {host!r}: {exc.strerror or exc}"
