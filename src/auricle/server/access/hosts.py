"""By which names this server may be called.

Knows nothing about keys, pages or what is asked.

A page whose own name was made to point to this machine (DNS rebinding) is at home here as far as
its browser can tell, and sees every answer. So a server answers only to names that no page of the
web can have, and to those its operator allows.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers

from auricle.errors import Forbidden, InvalidRequest

ANY = "*"

LOCAL_DOMAINS = (".localhost", ".local", ".internal", ".home.arpa", ".lan")
"""What ends the names of machines at home, in offices and in clusters: none of them can be bought,
and public name servers do not know them."""


class HostNames:
    """The names that are answered to: addresses, names without a dot, those in `LOCAL_DOMAINS`,
    this machine's own, and ``allowed`` ones."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = {name.lower().rstrip(".") for name in (*allowed, socket.gethostname())}

    def check(self, headers: Headers, http_version: str) -> None:
        """Let in what asks for a name of this server.

        Raises:
            InvalidRequest: there is not one ``Host`` header. HTTP/1.0 may come without.
            Forbidden: it names something else.
        """
        given = headers.getlist("host")
        if not given and http_version == "1.0":
            return
        if len(given) != 1 or not given[0]:
            found = f"{len(given)} Host headers" if len(given) > 1 else "no Host header"
            raise InvalidRequest(f"The request has {found}; HTTP/1.1 wants one.")
        name = _name(given[0])
        if ANY not in self._allowed and name not in self._allowed and not _is_local(name):
            raise Forbidden(
                f"This server does not answer to the name {name[:100]!r}. Its operator can allow "
                "it with the setting allowed_hosts.",
                code="host_not_allowed",
            )


def _name(host: str) -> str:
    """``Host`` without its port, in lower case."""
    name = host.lower().strip()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].rstrip(".")


def _is_local(name: str) -> bool:
    if "." not in name and ":" not in name:
        return bool(name)
    if name.endswith(LOCAL_DOMAINS):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
