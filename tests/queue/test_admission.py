"""Who comes in and who is told to wait: numbers in, a decision out."""

from __future__ import annotations

import pytest

from auricle.errors import Overloaded
from auricle.grants import EVERYTHING, Grant
from auricle.queue.admission import FIRST_GUESS_S_PER_S, AdmissionControl, Backlog, Limits, Rate


def queue(control: AdmissionControl, rate: float = 10.0) -> Backlog:
    """One whose engine does ``rate`` audio seconds a second."""
    made = control.open_queue()
    made.rate._busy_s, made.rate._audio_s = 100.0, 100.0 * rate
    return made


def control(**limits: float) -> AdmissionControl:
    return AdmissionControl(Limits(**limits))  # type: ignore[arg-type]  # a table of numbers


def backlog(rate: float = 10.0) -> Backlog:
    return queue(control(), rate)


def refusal(control: AdmissionControl, key: str = "a") -> tuple[str, float | None]:
    with pytest.raises(Overloaded) as caught:
        control.check(key)
    assert caught.value.code == "rate_limit_exceeded"
    return caught.value.message, caught.value.retry_after_s


def test_the_queues_of_all_models_count_together():
    front = control(max_backlog_s=10)
    base, small = queue(front), queue(front, rate=2.0)
    base.admit(1, "a", 60)
    front.check("b")
    small.admit(1, "a", 20)
    assert refusal(front, "b") == (
        "About 16 seconds of work are waiting; the limit of this server is 10 (max_backlog_s); "
        "try again later.",
        6,
    )
    front.close_queue(small)
    front.check("b")


def test_a_request_is_counted_whatever_its_model():
    front = control(max_requests=2)
    for made in (queue(front), queue(front)):
        made.admit(1, "a", 100)
    assert refusal(front)[0].startswith("2 requests are being transcribed or waiting")


def test_an_idle_server_takes_the_longest_file():
    front = control(max_backlog_s=10)
    made = queue(front)
    front.check("a")
    made.admit(1, "a", 1_000_000)
    assert len(made) == 1


def test_above_the_limit_the_wait_is_what_must_be_done_first():
    front = control(max_backlog_s=10)
    made = queue(front)
    made.admit(1, "a", 100)
    front.check("b")
    made.admit(2, "b", 150)  # the 10 s there are not above the limit
    assert made.wait_s() == 25
    assert refusal(front, "c") == (
        "About 25 seconds of work are waiting; the limit of this server is 10 (max_backlog_s); "
        "try again later.",
        15,
    )


def test_the_wait_is_at_least_a_second():
    front = control(max_backlog_s=10)
    made = queue(front)
    made.admit(1, "a", 101)
    assert refusal(front)[1] == 1


def test_a_client_over_its_own_limit_does_not_shut_out_others():
    front = control(max_backlog_s=100, max_backlog_per_key_s=10)
    made = queue(front)
    made.admit(1, "a", 200)
    made.admit(2, "b", 50)
    assert refusal(front, "a") == (
        "About 20 seconds of your work are waiting; the limit for one client is 10 "
        "(max_backlog_per_key_s); try again later.",
        20,  # 10 s of work, done at half the server's speed while b has some too
    )
    front.check("b")
    front.check("c")


def test_without_a_limit_per_client_one_may_fill_the_server():
    front = control(max_backlog_s=10)
    made = queue(front)
    made.admit(1, "a", 90)
    made.admit(2, "a", 90)
    assert "limit of this server is 10" in refusal(front)[0]


def test_too_many_requests_wait_for_the_first_to_finish():
    front = control(max_requests=2)
    made = queue(front)
    made.admit(1, "a", 400)
    made.admit(2, "a", 60)
    assert refusal(front) == (
        "2 requests are being transcribed or waiting, which is the limit of this server "
        "(max_requests); try again later.",
        12,  # 60 s at half the speed
    )
    made.end(2)
    front.check("a")


def test_the_length_is_corrected_as_it_becomes_known():
    made = backlog()
    made.admit(1, "a", 500)
    made.expect(1, 80)
    assert made.wait_s() == 8


def test_what_is_done_waits_no_longer():
    made = backlog()
    made.admit(1, "a", 100)
    made.queued(1, end_s=30, audio_s=20, now_s=0)  # 10 s of silence were skipped
    assert made.wait_s() == 9
    made.rate.measure = lambda *_: None  # type: ignore[method-assign]  # the rate is not the question
    made.done(1, 20, now_s=1)
    assert made.wait_s() == 7
    made.queued(1, end_s=130, audio_s=30, now_s=1)  # longer than it claimed
    assert made.wait_s() == 3
    made.end(1)
    assert (made.wait_s(), len(made)) == (0, 0)


def test_a_window_that_ends_after_its_request_is_no_error():
    made = backlog()
    made.admit(1, "a", 30)
    made.queued(1, 30, 30, now_s=0)
    made.end(1)
    made.done(1, 30, now_s=1)
    assert made.wait_s() == 0


def test_the_rate_begins_with_a_guess_and_follows_what_happens():
    rate = Rate()
    assert rate.s_per_s == FIRST_GUESS_S_PER_S
    for _ in range(600):
        rate.measure(1.0, 50.0)
    assert rate.s_per_s == pytest.approx(50, rel=0.01)
    for _ in range(60):
        rate.measure(1.0, 10.0)
    assert rate.s_per_s == pytest.approx(30, rel=0.02)  # half of what counts is a minute old


def test_time_without_work_does_not_count():
    made = backlog(rate=10.0)
    now_s = 0.0
    for request in range(20):
        made.admit(request, "a", 30)
        made.queued(request, 30, 30, now_s)
        made.done(request, 30, now_s + 3)
        made.end(request)
        now_s += 1000
    assert made.rate.s_per_s == pytest.approx(10)


def test_windows_given_up_leave_the_clock_right():
    made = backlog(rate=10.0)
    made.admit(1, "a", 60)
    made.queued(1, 30, 30, now_s=0)
    made.dropped()
    made.end(1)
    made.admit(2, "a", 30)
    made.queued(2, 30, 30, now_s=5000)
    made.done(2, 30, now_s=5003)
    assert made.rate.s_per_s == pytest.approx(10)


def test_who_waits_as_long_as_told_is_admitted():
    """A server that does 20 audio seconds a second, filled to the brim; time moves by tenths."""
    front = control(max_backlog_s=30)
    made = queue(front, rate=20.0)
    for request in range(10):
        made.admit(request, "a", 90)
        if made.wait_s() > 30:
            break
    remaining = [each.expected_s for each in made._requests.values()]
    read = [0.0] * len(remaining)
    _, retry_after_s = refusal(front, "b")
    assert retry_after_s is not None
    for tick in range(round(retry_after_s * 10) + 1):
        now_s = tick / 10
        request = tick % len(remaining)
        read[request] += 2.0
        made.queued(request, read[request], 2.0, now_s)
        made.done(request, 2.0, now_s + 0.1)
    front.check("b")


class Granted:
    def grant_of(self, client: str) -> Grant:
        return Grant(max_requests=2, max_backlog_s=5.0) if client == "a" else EVERYTHING

    def is_let_in(self, client: str) -> bool:
        return True


def test_a_client_takes_no_more_than_it_is_granted():
    front = control(max_backlog_s=100)
    front.grants = Granted()
    made = queue(front)
    made.admit(1, "a", 60)
    assert refusal(front) == (
        "About 6 seconds of your work are waiting; the limit for one client is 5 "
        "(max_backlog_per_key_s); try again later.",
        1,
    )
    made.end(1)
    made.admit(2, "a", 10)
    made.admit(3, "a", 20)
    made.admit(4, "b", 500)
    assert refusal(front)[0] == (
        "2 requests of yours are being transcribed or waiting, which is the limit of your key "
        "(max_requests); try again later."
    )
    front.check("b")


def test_live_streams_count_as_requests_of_their_client():
    """A key for two at a time opened as many streams as it liked."""
    front = control()
    front.grants = Granted()
    made = queue(front)
    with front.live("a"):
        front.check("a")
        made.admit(1, "a", 60)
        message, retry_after_s = refusal(front)
        assert message.startswith("2 requests of yours are being transcribed or waiting")
        with pytest.raises(Overloaded), front.live("a"):
            pass
        made.end(1)
        with front.live("a"), front.live("b"):
            assert refusal(front)[1] == 10.0, "nobody knows when a stream ends"
    front.check("a")
    assert retry_after_s == 6
