"""Whose something is: a job, a file, a failure.

Knows nothing about what it is.
"""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

from auricle.server.transport import context

MACHINE = ""
"""Everybody who uses this machine without a key: they reach it by one address or another."""


def owner_of(request: Request) -> str:
    """The key, or else the address, of who asks. Nobody sees what another has."""
    return owner(context.of(request.scope).client)


def owner(client: str) -> str:
    """The owner that a client is, by its name for limits."""
    kind, _, address = client.partition(" ")
    if kind == "address" and _is_this_machine(address):
        return MACHINE
    return client


def _is_this_machine(address: str) -> bool:
    try:
        return ipaddress.ip_network(address, strict=False).network_address.is_loopback or (
            ipaddress.ip_network(address, strict=False) == ipaddress.ip_network("::/64")
        )
    except ValueError:
        return not address  # a socket of the file system has none
