"""``auricle serve``: settings, logging, then the server.

Knows nothing about how the server works; ``server.serve`` does.
"""

from __future__ import annotations

import os

import click

from auricle.cli.options import settings_from, settings_options
from auricle.telemetry import logs


@click.command()
@click.argument("name", metavar="[MODEL]", required=False)
@settings_options()
@click.pass_context
def serve(context: click.Context, name: str | None) -> int:
    """Serve OpenAI's Audio API on this machine.

    MODEL is a name (tiny, base, small, …), a hub id or a folder; the same as --model.

    \b
    Examples:
      auricle serve
      auricle serve small --port 8000
      auricle serve --host 0.0.0.0 --keyring keyring.json --tls-cert cert.pem --tls-key key.pem
    """
    settings = settings_from(context, model=name)
    logs.set_up(verbose=settings.verbose, log_format=settings.log_format)
    # Live streams are heard in numpy, a few at a time: its threads would cost more than they bring.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from auricle.server.serve import run

    return run(settings, lambda: settings_from(context, model=name))
