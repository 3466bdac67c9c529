"""How log records look and where they go. Set up once, by the command or child process that runs.

Knows nothing about who writes them.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any, Literal

from auricle.telemetry import request_id
from auricle.telemetry.request_id import AddRequestId

LogFormat = Literal["human", "json"]

VARIABLE = "AURICLE_LOG_FORMAT"
"""Tells child processes how the one that started them logs."""


class OneLine(logging.Formatter):
    """A record is one line whatever its message or traceback holds, so that a client's text can
    never look like a record of its own."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


class JsonLine(logging.Formatter):
    """A record is a JSON object: ``time`` (UTC), ``level``, ``logger``, ``message``, ``request``
    where there is one, ``error`` with the traceback, and the record's own ``details``."""

    def format(self, record: logging.LogRecord) -> str:
        made = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": made.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.current():
            line["request"] = current
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line | getattr(record, "details", {}), ensure_ascii=False)


def set_up(*, verbose: bool, quiet: bool = False, log_format: LogFormat | None = None) -> None:
    """Send records to standard error, one line each. ``quiet`` keeps back all below CRITICAL,
    for commands that report their errors themselves. Without a ``log_format``: as the process logs
    that started this one."""
    if log_format is None:
        log_format = "json" if os.environ.get(VARIABLE) == "json" else "human"
    else:
        os.environ[VARIABLE] = log_format
    handler = logging.StreamHandler()
    handler.addFilter(AddRequestId())
    handler.setFormatter(
        JsonLine()
        if log_format == "json"
        else OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s%(request)s")
    )
    logging.basicConfig(
        level=logging.CRITICAL if quiet else logging.WARNING, handlers=[handler], force=True
    )
    # What it warns of is a malformed upload, which the client is told about
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    if not quiet:
        logging.getLogger("auricle").setLevel(logging.DEBUG if verbose else logging.INFO)
