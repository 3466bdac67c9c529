"""``auricle serve``: settings, logging, then the server.

Knows nothing about how the server works; ``server.serve`` does.
"""

from __future__ import annotations

import logging

import click

from auricle.cli.options import settings_from, settings_options


class OneLine(logging.Formatter):
    """A record is one line whatever its message or traceback holds, so that a client's text can
    never look like a record of its own."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


def set_up_logging(*, verbose: bool) -> None:
    """Send records to standard error, one line each. Called once, by the process that serves."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("auricle").setLevel(logging.DEBUG if verbose else logging.INFO)


@click.command()
@click.argument("model", required=False)
@settings_options()
@click.pass_context
def serve(context: click.Context, model: str | None) -> int:
    """Serve OpenAI's Audio API on this machine.

    MODEL is a name (tiny, base, small, …), a hub id or a folder; the same as --model.
    """
    settings = settings_from(context, model=model)
    set_up_logging(verbose=settings.verbose)
    from auricle.server.serve import run

    return run(settings)
