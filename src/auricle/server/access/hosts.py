"""By which names this server may be called.

Knows nothing about keys, pages or what is asked.

A page whose own name was made to point to this machine (DNS rebinding) is at home here as far as
its browser can tell, and sees every answer. So a server that listens on this machine only answers
only to names of this machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers

from auricle.errors import Forbidden
from auricle.server.transport.listeners import is_loopback


def check(headers: Headers, listens_on: str, allowed: Iterable[str]) -> None:
    """Refuse names that are none of this machine's, where it listens on nothing else.

    Raises:
        Forbidden: the ``Host`` header names something else.
    """
    if not is_loopback(listens_on):
        return
    given = headers.get("host", "")
    name = _host_name(given)
    if not name or _is_own_name(name) or name in {one.lower() for one in allowed}:
        return
    raise Forbidden(
        f"This server listens on {listens_on} and does not answer to the name {name[:100]!r}. Its "
        "operator can allow it with the setting allowed_hosts.",
        code="host_not_allowed",
    )


def _host_name(host: str) -> str:
    """``Host`` without its port, in lower case."""
    name = host.lower().strip()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if ":" in name else name


def _is_own_name(name: str) -> bool:
    """Names that no foreign page can have: addresses, localhost, and what containers call the
    machine they run on."""
    if name == "localhost" or name.endswith((".localhost", ".internal")):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
