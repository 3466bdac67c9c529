"""``auricle top``: what a server does, again and again.

Knows nothing about what is shown; ``server_view`` does.
"""

from __future__ import annotations

import sys
import time

import click

from auricle.cli.options import NumberRange, api_key_option, with_scheme
from auricle.errors import AuricleError

CLEAR = "\x1b[H\x1b[J"
TIMEOUT_S = 10.0


@click.command()
@click.option(
    "--url", default="http://localhost:50060", show_default=True, help="the server's address"
)
@api_key_option
@click.option(
    "--every",
    type=NumberRange(0.2, 3600),
    default=2.0,
    show_default=True,
    help="seconds between two looks",
)
@click.option(
    "--once",
    is_flag=True,
    help="show it once, with what is done until the second look, and end; so it is in a pipe",
)
def top(url: str, api_key: str | None, every: float, once: bool) -> int:
    """Show what a server does, live. Queue, requests, sessions, jobs and models; Ctrl-C ends it."""
    import httpx2

    from auricle.cli.server_view import Snapshot, lines

    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    address = with_scheme(url).rstrip("/")
    is_live = sys.stdout.isatty() and not once
    with httpx2.Client(base_url=address, headers=headers, timeout=TIMEOUT_S) as http:

        def look() -> Snapshot:
            try:
                metrics, models = http.get("/metrics"), http.get("/v1/models")
                for answer in (metrics, models):
                    if answer.status_code == 401:
                        raise AuricleError(
                            f"{answer.url} wants a key of that server: give one with --api-key or "
                            "OPENAI_API_KEY"
                        )
                    if answer.status_code != 200:
                        raise AuricleError(f"{answer.url} answers {answer.status_code}")
                return Snapshot.of(time.monotonic(), metrics.text, models.json()["data"])
            except httpx2.HTTPError as exc:
                raise AuricleError(f"{address} does not answer: {exc}") from exc

        before = look()
        if is_live:
            click.echo(CLEAR + "\n".join(lines(before, before, address)))
        while True:
            time.sleep(every)
            click.echo(CLEAR if is_live else "", nl=False)
            click.echo("\n".join(lines(before, now := look(), address)))
            if not is_live:
                return 0
            before = now
