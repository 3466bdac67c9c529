"""How log records look and where they go. Set up once, by the command or child process that runs.

Knows nothing about who writes them.
"""

from __future__ import annotations

import logging

from auricle.request_id import AddRequestId


class OneLine(logging.Formatter):
    """A record is one line whatever its message or traceback holds, so that a client's text can
    never look like a record of its own."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


def set_up(*, verbose: bool, quiet: bool = False) -> None:
    """Send records to standard error, one line each. ``quiet`` keeps back all below CRITICAL,
    for commands that report their errors themselves."""
    handler = logging.StreamHandler()
    handler.addFilter(AddRequestId())
    handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s%(request)s"))
    logging.basicConfig(
        level=logging.CRITICAL if quiet else logging.WARNING, handlers=[handler], force=True
    )
    # What it warns of is a malformed upload, which the client is told about
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    if not quiet:
        logging.getLogger("auricle").setLevel(logging.DEBUG if verbose else logging.INFO)
