"""Find out within a few seconds whether a hub can be reached at all.

Knows nothing about HTTP: it opens one connection, to the hub or to the proxy that leads to it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from auricle.errors import DownloadFailed


def check_reachable(endpoint: str, timeout_s: float) -> None:
    """Connect once, to the hub or to the proxy that leads to it, with a limit on the whole.

    Raises:
        DownloadFailed: no connection within ``timeout_s``, or none possible.

    An HTTP client's connect time-out counts for each address anew and not for name resolution, so
    it would take many times as long on a network that swallows packets.
    """
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise DownloadFailed(f"HF_ENDPOINT = {endpoint!r} is not an http or https address")
    proxy = None if proxy_bypass(url.hostname) else getproxies().get(url.scheme)
    if proxy:
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    port = url.port or (443 if url.scheme == "https" else 80)
    outcome: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()

    async def connect() -> None:
        _, writer = await asyncio.open_connection(url.hostname, port, happy_eyeballs_delay=0.2)
        writer.close()
        await writer.wait_closed()

    def attempt() -> None:
        try:
            asyncio.run(connect())
        except OSError as exc:
            outcome.put(exc)
        else:
            outcome.put(None)

    threading.Thread(target=attempt, daemon=True, name="hub probe").start()
    try:
        failure = outcome.get(timeout=timeout_s)
    except queue.Empty:
        raise DownloadFailed(
            f"{url.hostname}:{port} does not answer (no connection within {timeout_s:g} s)"
        ) from None
    if failure is not None:
        raise DownloadFailed(f"{url.hostname}:{port} cannot be reached: {failure}") from failure
