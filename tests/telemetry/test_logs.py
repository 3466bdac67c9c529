"""A log record is one line, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys

from auricle.telemetry import request_id
from auricle.telemetry.logs import JsonLine, OneLine
from auricle.telemetry.request_id import AddRequestId


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


def test_a_record_names_its_request():
    lines = []
    for name in ("", "req_1"):
        record = logging.LogRecord("auricle", logging.INFO, "", 0, "oh", (), None)
        with request_id.bound(name):
            AddRequestId().filter(record)
        lines.append(OneLine("%(message)s%(request)s").format(record))
    assert lines == ["oh", "oh (req_1)"]


def test_a_record_is_an_object_where_that_is_asked_for():
    try:
        raise ValueError("bad")
    except ValueError:
        record = logging.LogRecord("auricle", logging.ERROR, "", 0, "ä\n%d", (1,), sys.exc_info())
    record.created = 1_700_000_000.25
    record.details = {"status": 200}
    with request_id.bound("req_1"):
        line = JsonLine().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert told.pop("error").endswith("ValueError: bad")
    assert told == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "error",
        "logger": "auricle",
        "message": "ä\n1",
        "request": "req_1",
        "status": 200,
    }
