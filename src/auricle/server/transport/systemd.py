"""What a service manager gives a server and wants to hear from it: systemd's protocols.

Knows nothing about what is served. Where there is no service manager, nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping

from auricle.errors import BadSetting

FIRST_DESCRIPTOR = 3
"""Sockets that are passed have the numbers from here on."""

_PASSED = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def notify(*lines: str, environ: MutableMapping[str, str] = os.environ) -> None:
    """Tell the service manager how the server is: ``READY=1``, ``STATUS=…``. Whether it hears that
    does not matter."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        sender.connect(address)
        sender.sendall("\n".join(lines).encode())


def passed(
    environ: MutableMapping[str, str] = os.environ, first: int = FIRST_DESCRIPTOR
) -> list[socket.socket]:
    """The sockets that were passed to this process, which are its own from now on; none without a
    service manager that listens.

    Raises:
        BadSetting: one is no TCP socket that listens.
    """
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = environ.get("LISTEN_FDS", "")
    for name in _PASSED:  # children have none
        environ.pop(name, None)
    sockets = []
    for descriptor in range(first, first + int(count) if count.isdigit() else first):
        os.set_inheritable(descriptor, False)
        listener = socket.socket(fileno=descriptor)
        is_tcp = listener.family in (socket.AF_INET, socket.AF_INET6)
        if not is_tcp or not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listener.close()
            raise BadSetting(
                f"the service manager passed descriptor {descriptor}, which is no TCP socket that "
                "listens; ListenStream= wants a port, or an address and a port"
            )
        listener.setblocking(False)
        sockets.append(listener)
    return sockets
