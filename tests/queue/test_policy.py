"""The order of jobs, from queues alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.queue.policy import (
    MAX_ROWS,
    BatchKey,
    Decode,
    Encode,
    Policy,
    Priority,
    rows_together,
)

GREEDY = BatchKey("greedy", cost=3000)
BEAM = BatchKey("beam", cost=15_000)
WARM = BatchKey("warm", cost=3000)
SHORT, LONG = Priority.SHORT, Priority.LONG


class Queues:
    """A policy, and the entries it gave out."""

    def __init__(self, batch_size=4, encode_rows=1):
        self.policy = Policy(batch_size * 3000, encode_rows)
        self.entries = {}

    def arrive(self, window_id, request_id=10, priority=SHORT, audio_s=30.0, n_frames=3000):
        entry = self.policy.arrive(window_id, request_id, priority, audio_s, n_frames)
        self.entries[window_id] = entry
        return entry

    def encoded(self, window_id, batch=GREEDY):
        self.policy.wait(self.entries[window_id], 3000, batch)

    def all_encoded(self, window_ids, batch=GREEDY):
        """Windows that arrived together and were encoded, so that their tags are their order."""
        for window_id in window_ids:
            self.arrive(window_id)
            self.policy.leave(window_id)
        for window_id in window_ids:
            self.encoded(window_id, batch)

    def choose(self, n=1):
        jobs = [self.policy.choose() for _ in range(n)]
        return jobs if n > 1 else jobs[0]


def encode(*window_ids, n_frames=3000):
    return Encode(window_ids, n_frames)


def test_the_last_windows_are_shared_out_among_free_workers():
    queues = Queues()
    queues.all_encoded(range(3))
    assert queues.policy.choose(n_free=2) == Decode((0, 1), GREEDY)
    assert queues.policy.choose(n_free=1) == Decode((2,), GREEDY)


def test_a_full_batch_is_not_shared_out_while_others_wait_to_be_encoded():
    queues = Queues()
    queues.all_encoded(range(4))
    queues.arrive(9)
    assert queues.policy.choose(n_free=2) == Decode((0, 1, 2, 3), GREEDY)


def test_a_window_that_is_decoded_again_does_not_wait_for_company():
    queues = Queues()
    queues.all_encoded([1])
    queues.arrive(2)
    assert queues.choose() == encode(2)  # the first has company to wait for
    queues.policy.leave(1)
    queues.encoded(1, WARM)
    queues.arrive(3)
    assert queues.choose() == Decode((1,), WARM)


def test_nothing_waits():
    assert Queues().choose() is None


def test_one_window_is_encoded_then_decoded_without_waiting_for_company():
    queues = Queues()
    queues.arrive(1)
    assert queues.choose(2) == [encode(1), None]
    queues.encoded(1)
    assert queues.choose() == Decode((1,), GREEDY)
    assert len(queues.policy) == 0


def test_a_new_request_goes_before_the_rest_of_a_long_one():
    queues = Queues()
    for window_id in range(1, 9):
        queues.arrive(window_id, request_id=10)
    assert queues.choose() == encode(1)
    queues.arrive(100, request_id=11, audio_s=3.0)
    assert queues.choose(2) == [encode(100), encode(2)]


def test_requests_share_by_audio_seconds():
    """Two requests, one with windows three times as long, are served three windows to one."""
    queues = Queues()
    for n in range(3):
        queues.arrive(n, request_id=10, audio_s=30.0)
    for n in range(100, 109):
        queues.arrive(n, request_id=11, audio_s=10.0)
    mine = [job.window_ids[0] < 100 for job in queues.choose(12)]
    assert mine == [True, False, False, False] * 3


@pytest.mark.parametrize(
    ("priority", "share"), [(Priority.LIVE_FINAL, 8), (Priority.LIVE_PARTIAL, 4), (SHORT, 4)]
)
def test_priorities_share_by_weight(priority, share):
    queues = Queues()
    for n in range(100):
        queues.arrive(n, request_id=10, priority=LONG)
        queues.arrive(100 + n, request_id=11, priority=priority)
    first = [job.window_ids[0] >= 100 for job in queues.choose(10 * (share + 1))]
    assert sum(first) == 10 * share


def test_what_nobody_waits_for_gets_a_tenth_of_a_long_file():
    queues = Queues()
    for n in range(100):
        queues.arrive(n, request_id=10, priority=Priority.BACKGROUND)
        queues.arrive(100 + n, request_id=11, priority=LONG)
    first = [job.window_ids[0] < 100 for job in queues.choose(66)]
    assert sum(first) == 6


def test_at_the_same_tag_the_more_urgent_goes_first():
    queues = Queues()
    for n, priority in enumerate(reversed(Priority)):
        queues.arrive(n, request_id=n, priority=priority)
    assert [job.window_ids[0] for job in queues.choose(5)] == [4, 3, 2, 1, 0]


def test_a_request_that_rested_does_not_save_up_its_share():
    queues = Queues()
    queues.arrive(1, request_id=10, priority=LONG)
    queues.choose()
    for n in range(2, 6):
        queues.arrive(n, request_id=11, priority=LONG)
        assert queues.choose() == encode(n)
    assert queues.arrive(7, request_id=12).tag == 90.0  # the present virtual time, not zero
    assert queues.arrive(8, request_id=10).tag == 90.0


def test_windows_that_agree_are_decoded_together_up_to_the_batch():
    queues = Queues(batch_size=3)
    queues.all_encoded(range(5))
    assert queues.choose(2) == [Decode((0, 1, 2), GREEDY), Decode((3, 4), GREEDY)]


def test_windows_that_differ_are_decoded_apart():
    queues = Queues(batch_size=10)
    queues.all_encoded(range(4))
    for n in (0, 2):
        queues.encoded(n, WARM)
    assert queues.choose(2) == [Decode((0, 2), WARM), Decode((1, 3), GREEDY)]


@pytest.mark.parametrize(
    ("batch", "rows"),
    [
        (GREEDY, 8),
        (BEAM, 1),
        (BEAM._replace(cost=5000), 4),
        (GREEDY._replace(cost=2000), 12),
        (GREEDY._replace(cost=500), MAX_ROWS),
        (BEAM._replace(cost=30_000), 1),
    ],
)
def test_a_batch_is_as_large_as_it_may_cost(batch, rows):
    assert rows_together(8 * 3000, batch) == rows


def test_encoded_windows_wait_for_company_for_at_most_a_batch_of_jobs():
    queues = Queues(batch_size=4)
    queues.all_encoded([1])
    for n in range(2, 20):
        queues.arrive(n)
    jobs = []
    for _ in range(5):
        jobs.append(queues.choose())
        if isinstance(jobs[-1], Encode):
            queues.encoded(jobs[-1].window_ids[0], WARM)
    assert jobs == [encode(2), encode(3), encode(4), encode(5), Decode((1,), GREEDY)]


def test_nobody_waits_for_company_of_lower_priority():
    queues = Queues()
    queues.arrive(1, request_id=10, priority=SHORT)
    for n in range(2, 9):
        queues.arrive(n, request_id=11, priority=LONG)
    assert queues.choose() == encode(1)
    queues.encoded(1)
    assert queues.choose() == Decode((1,), GREEDY)


def test_one_long_request_has_half_a_batch_while_others_wait():
    queues = Queues(batch_size=4)
    for n in range(8):
        queues.arrive(n, request_id=10, priority=LONG)
        queues.policy.leave(n)
        queues.encoded(n)
    assert queues.choose() == Decode((0, 1, 2, 3), GREEDY)
    queues.arrive(100, request_id=11, priority=LONG)
    assert queues.policy._group([queues.entries[n] for n in range(4, 8)]) == [
        queues.entries[4],
        queues.entries[5],
    ]


def test_encoding_stops_while_enough_wait_to_be_decoded():
    queues = Queues(batch_size=16)
    for n in range(2 * MAX_ROWS):
        queues.arrive(n)
        queues.policy.leave(n)
        queues.encoded(n, GREEDY._replace(key=n))
    queues.arrive(99)
    assert queues.choose() == Decode((0,), GREEDY._replace(key=0))


def test_windows_of_one_length_are_encoded_together_where_that_pays():
    queues = Queues(encode_rows=3)
    for n, frames in enumerate((1000, 3000, 1000, 1000, 1000)):
        queues.arrive(n, request_id=n, n_frames=frames)
    assert queues.choose(3) == [encode(0, 2, 3, n_frames=1000), encode(1), encode(4, n_frames=1000)]


def test_a_window_keeps_its_place_when_its_engine_died():
    queues = Queues()
    first = queues.arrive(1)
    queues.choose()
    queues.arrive(2)
    queues.policy.wait(first, 3000, None)
    assert queues.choose() == encode(1)


def test_a_window_that_left_is_not_chosen():
    queues = Queues()
    queues.arrive(1)
    queues.policy.leave(1)
    queues.policy.leave(2)
    assert queues.choose() is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(Priority),
            st.floats(0.1, 30.0),
            st.sampled_from((500, 1000, 3000)),
        ),
        max_size=60,
    ),
    st.integers(1, 4),
    st.data(),
)
def test_every_window_is_encoded_once_and_decoded_once(arrivals, encode_rows, data):
    queues = Queues(encode_rows=encode_rows)
    encoded: list[int] = []
    decoded: list[int] = []
    for window_id, (request_id, priority, audio_s, frames) in enumerate(arrivals):
        queues.arrive(window_id, request_id, priority, audio_s, frames)
    while (job := queues.choose()) is not None:
        if isinstance(job, Encode):
            encoded.extend(job.window_ids)
            for window_id in job.window_ids:
                batch = data.draw(st.sampled_from((GREEDY, BEAM)))._replace(cost=job.length)
                queues.encoded(window_id, batch)
        else:
            decoded.extend(job.window_ids)
    assert sorted(encoded) == sorted(decoded) == list(range(len(arrivals)))


@pytest.mark.parametrize("batch", [GREEDY, BEAM])
def test_a_short_clip_waits_for_one_job_while_a_long_file_runs(batch):
    """Replays a 2 h file of 30 s windows on one worker; a 3 s clip arrives before any job. From
    its arrival to its text there is at most the job that was running: its own two come next.
    (The file's own first minute has the same rights, and went first.)"""
    for arrival in range(4, 60):
        queues = Queues(batch_size=8)
        for n in range(8):
            queues.arrive(n, request_id=1, priority=SHORT if n < 2 else LONG)
        submitted, waited = 8, []
        for n_jobs in range(arrival + 3):
            if n_jobs == arrival:
                queues.arrive(999, request_id=2, audio_s=3.0)
            match queues.choose():
                case Encode((window_id,)):
                    waited += [n_jobs - arrival] if window_id == 999 else []
                    queues.encoded(window_id, batch)
                case Decode(window_ids):
                    waited += [n_jobs - arrival] if 999 in window_ids else []
                    for _ in window_ids:
                        queues.arrive(submitted, request_id=1, priority=LONG)
                        submitted += 1
        assert waited == [0, 1], f"arriving before job {arrival}"


def test_one_of_several_workers_is_kept_free_for_those_who_speak():
    """A call for a recording took seconds, on both workers, and live words waited for it."""
    queues = Queues()
    queues.policy.n_workers = 2
    queues.arrive(1, request_id=1, priority=LONG)
    queues.arrive(2, request_id=1, priority=LONG)
    queues.policy.speaking.add(7)
    assert queues.policy.choose(n_free=2) == encode(1)
    assert queues.policy.choose(n_free=1) is None
    queues.arrive(3, request_id=7, priority=Priority.LIVE_PARTIAL)
    assert queues.policy.choose(n_free=1) == encode(3)
    queues.encoded(3)
    assert queues.policy.choose(n_free=1) == Decode((3,), GREEDY)
    queues.policy.speaking.clear()
    assert queues.policy.choose(n_free=1) == encode(2)


def test_a_recording_gets_its_share_however_many_speak():
    """Eight streams kept both workers busy, and files waited for the end of all speech."""
    queues = Queues()
    queues.policy.n_workers = 2
    queues.policy.speaking.add(7)
    queues.arrive(1, request_id=1, priority=LONG)
    for window_id in range(2, 6):  # of 1.5 s of virtual time each
        queues.arrive(window_id, request_id=7, priority=Priority.LIVE_PARTIAL, audio_s=6.0)
    assert [queues.policy.choose(n_free=1) for _ in range(3)] == [encode(2), encode(3), encode(4)]
    assert queues.policy.choose(n_free=1, is_recording_read=True) == encode(5)
    assert queues.policy.choose(n_free=1) == encode(1)
    queues.encoded(1)
    assert queues.policy.choose(n_free=1, is_recording_read=True) is None
    assert queues.policy.choose(n_free=1) == Decode((1,), GREEDY)


def test_a_worker_that_is_alone_reads_one_window_of_a_recording_while_somebody_speaks():
    queues = Queues()
    queues.all_encoded(range(4))
    queues.policy.speaking.add(7)
    assert queues.policy.choose() == Decode((0,), GREEDY)
    queues.policy.n_workers = 2
    assert queues.policy.choose(n_free=2) == Decode((1, 2), GREEDY), "the other is kept free"


def test_a_worker_that_is_alone_is_for_everybody():
    queues = Queues()
    queues.arrive(1, request_id=1, priority=LONG)
    queues.policy.speaking.add(7)
    assert queues.policy.choose(n_free=1) == encode(1)
