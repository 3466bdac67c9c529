"""Hosts that clients may have the server talk to: which, and at which addresses.

Knows nothing about what is said. A host's name is resolved once, and the connection goes to an
address that was looked at, so that a name cannot mean another one when it counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final

import httpx2

from auricle.errors import InvalidRequest, Unavailable

ANY: Final = "*"
STALL_S: Final = 15.0
"""A host may take so long to answer, or to send more."""

MAX_URL_CHARS: Final = 2048

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host. Raises `OSError`."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """By the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class OutboundClient:
    """The hosts that ``allowed`` names, by the setting ``setting``, for the field ``param``."""

    def __init__(
        self, allowed: Sequence[str], setting: str, param: str, resolve: Resolve = resolve
    ) -> None:
        self._named = {each.lower() for each in allowed if each != ANY}
        self._takes_any = ANY in allowed
        self._setting = setting
        self._param = param
        self._resolve = resolve
        self._tls: ssl.SSLContext | None = None

    def check(self, url: str) -> httpx2.URL:
        """The URL, if it is one of a host that may be asked. Its address is not looked at yet.

        Raises:
            InvalidRequest: it is not.
        """
        try:
            parsed = httpx2.URL(url)
        except (httpx2.InvalidURL, ValueError, UnicodeError) as exc:
            raise self._refused("it is no URL") from exc
        if len(url) > MAX_URL_CHARS:
            raise self._refused(f"it is longer than {MAX_URL_CHARS} characters")
        if parsed.scheme not in _PORTS or not parsed.host:
            raise self._refused("expected http:// or https:// and a host")
        if parsed.userinfo:
            raise self._refused("it must hold no user and password")
        if not (self._takes_any or self._is_named(parsed)):
            raise self._refused(
                f"its host is not one that the operator of this server allows ({self._setting})"
            )
        return parsed

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """The answer of a host, whose body is still to be read. No redirect is followed.

        Raises:
            InvalidRequest: it must not be asked.
            Unavailable: it does not answer.
        """
        parsed = self.check(url)
        addresses = await self._addresses(parsed)
        tls = await self._context() if parsed.scheme == "https" else _NO_TLS
        try:
            async with httpx2.AsyncClient(
                verify=tls, trust_env=False, timeout=STALL_S, follow_redirects=False
            ) as client:
                response = await self._sent(client, method, parsed, addresses, body, headers or {})
                try:
                    yield response
                finally:
                    await response.aclose()
        except httpx2.HTTPError as exc:
            raise Unavailable(
                f"{parsed.host} did not answer ({type(exc).__name__})", retry_after_s=STALL_S
            ) from exc

    async def _sent(
        self,
        client: httpx2.AsyncClient,
        method: str,
        url: httpx2.URL,
        addresses: Sequence[str],
        body: bytes,
        headers: Mapping[str, str],
    ) -> httpx2.Response:
        """Ask the first address that takes a connection, by the host's name."""
        for number, address in enumerate(addresses, 1):
            request = client.build_request(
                method,
                url.copy_with(host=address),
                content=body or None,
                headers={"accept-encoding": "identity", **headers, "host": _host(url)},
                extensions={"sni_hostname": url.host},
            )
            try:
                return await client.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise AssertionError("a host without addresses")

    async def _addresses(self, url: httpx2.URL) -> Sequence[str]:
        try:
            addresses = await self._resolve(url.host, url.port or _PORTS[url.scheme])
        except (OSError, UnicodeError) as exc:
            raise Unavailable(f"{url.host} cannot be found", retry_after_s=STALL_S) from exc
        if not addresses:
            raise Unavailable(f"{url.host} cannot be found", retry_after_s=STALL_S)
        if not self._is_named(url) and not all(is_public(each) for each in addresses):
            raise self._refused("its host has an address that is not public")
        return addresses

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpx2.create_ssl_context)
        return self._tls

    def _is_named(self, url: httpx2.URL) -> bool:
        host = f"[{url.host}]" if ":" in url.host else url.host.lower()
        port = url.port or _PORTS[url.scheme]
        return host in self._named or f"{host}:{port}" in self._named

    def _refused(self, reason: str) -> InvalidRequest:
        message = f"Invalid '{self._param}': {reason}."
        return InvalidRequest(message, param=self._param, code="invalid_url")


def is_public(address: str) -> bool:
    """Whether an address is one of the internet, not of this machine or its networks; also where it
    is written inside another."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _host(url: httpx2.URL) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return host if url.port is None else f"{host}:{url.port}"


_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Without certificates: nothing is asked over TLS with it."""
