"""When a request is sent again; no test waits, because the policy only says how long."""

from __future__ import annotations

import email.utils
import time

import httpx2
import pytest

from auricle.client.retry import MAX_WAIT_S, Attempts, retry_after_s

BROKEN = httpx2.ReadError("reset by peer")


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"retry-after": "7"}, 7.0),
        (503, {"retry-after": "1.5"}, 1.5),
        (503, {"retry-after-ms": "20", "retry-after": "7"}, 0.02),
        (429, {"retry-after": str(MAX_WAIT_S + 1)}, None),
        (429, {"retry-after": "7", "x-should-retry": "false"}, None),
        (500, {}, None),
        (500, {"x-should-retry": "true", "retry-after": "2"}, 2.0),
        (400, {"retry-after": "7"}, None),
        (413, {}, None),
    ],
)
def test_after_a_refusal(status, headers, expected):
    assert Attempts(1, is_repeatable=True).after_refusal(status, headers) == expected


def test_retries_are_counted():
    attempts = Attempts(2, is_repeatable=True)
    waits = [attempts.after_refusal(429, {"retry-after": "1"}) for _ in range(3)]
    assert waits == [1.0, 1.0, None]


def test_waits_grow_where_the_server_says_nothing():
    attempts = Attempts(6, is_repeatable=True)
    for longest in (0.5, 1, 2, 4, 8, 8):
        wait_s = attempts.after_refusal(503, {})
        assert wait_s is not None
        assert 0.75 * longest <= wait_s <= longest
    assert attempts.after_failure(BROKEN) is None


def test_what_cannot_be_sent_twice_is_not():
    attempts = Attempts(2, is_repeatable=False)
    assert attempts.after_refusal(429, {"retry-after": "1"}) is None
    assert attempts.after_failure(BROKEN) is None


def test_a_server_that_may_still_be_at_work_is_not_asked_twice():
    assert Attempts(2, is_repeatable=True).after_failure(httpx2.ReadTimeout("")) is None
    assert Attempts(2, is_repeatable=True).after_failure(BROKEN) is not None


@pytest.mark.parametrize("value", ["", "soon", "-3", "inf", "nan"])
def test_what_says_nothing_is_ignored(value):
    assert retry_after_s({"retry-after": value}) is None


def test_a_date_is_a_time_to_wait():
    past = email.utils.formatdate(time.time() - 100, usegmt=True)
    later = email.utils.formatdate(time.time() + 1000, usegmt=True)
    assert retry_after_s({"retry-after": past}) == 0.0
    assert retry_after_s({"retry-after": later}) == pytest.approx(1000, abs=100)
