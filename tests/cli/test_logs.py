"""A log record is one line, whatever is in it."""

from __future__ import annotations

import logging
import sys

from auricle.cli.logs import OneLine


def test_a_message_cannot_look_like_a_second_record():
    record = logging.LogRecord("auricle", logging.INFO, "", 0, "a\r\nb %s", ("c\nd",), None)
    assert OneLine("%(levelname)s %(message)s").format(record) == "INFO a\\r\\nb c\\nd"


def test_a_traceback_stays_on_the_line():
    try:
        raise ValueError("bad")
    except ValueError:
        record = logging.LogRecord("auricle", logging.ERROR, "", 0, "oh", (), sys.exc_info())
    line = OneLine("%(message)s").format(record)
    assert line.startswith("oh\\nTraceback (most recent call last):\\n")
    assert line.endswith("\\nValueError: bad")
    assert "\n" not in line
