"""The order of jobs, from queues alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auricle.scheduler.policy import MAX_PASSED_OVER, Batch, Decode, Encode, Policy

GREEDY = Batch(beam_size=1, temperature=0.0, n_prompt_tokens=0)
BEAM = Batch(beam_size=5, temperature=0.0, n_prompt_tokens=0)


def _policy(batch_size=4, max_encoded=8):
    return Policy(batch_size, max_encoded)


def test_nothing_waits():
    assert _policy().choose() is None


def test_one_window_is_encoded_then_decoded_without_waiting_for_company():
    policy = _policy()
    tag = policy.arrive(1, request_id=10, cost=5.0)
    assert policy.choose() == Encode(1)
    assert policy.choose() is None
    policy.encoded(1, tag, GREEDY)
    assert policy.choose() == Decode((1,), GREEDY)
    assert len(policy) == 0


def test_a_new_request_goes_before_the_rest_of_a_long_one():
    policy = _policy()
    for window_id in range(1, 9):
        policy.arrive(window_id, request_id=10, cost=30.0)
    assert policy.choose() == Encode(1)
    policy.arrive(100, request_id=11, cost=3.0)
    assert policy.choose() == Encode(100)
    assert policy.choose() == Encode(2)


def test_requests_share_by_audio_seconds():
    """Two requests, one with windows three times as long, are served three windows to one."""
    policy = _policy()
    for n in range(3):
        policy.arrive(n, request_id=10, cost=30.0)
    for n in range(100, 109):
        policy.arrive(n, request_id=11, cost=10.0)
    order = [policy.choose() for _ in range(12)]
    mine = [job.window_id < 100 for job in order if isinstance(job, Encode)]
    assert mine == [True, False, False, False] * 3


def test_a_request_that_rested_does_not_save_up_its_share():
    policy = _policy()
    policy.arrive(1, request_id=10, cost=30.0)
    policy.choose()
    for n in range(2, 6):
        policy.arrive(n, request_id=11, cost=30.0)
        assert policy.choose() == Encode(n)
    late = policy.arrive(7, request_id=12, cost=30.0)
    assert late == 90.0  # the present virtual time, not zero
    early = policy.arrive(8, request_id=10, cost=30.0)
    assert early == 90.0


def test_windows_that_agree_are_decoded_together_up_to_the_batch():
    policy = _policy(batch_size=3)
    for n in range(5):
        policy.encoded(n, tag=float(n), batch=GREEDY)
    assert policy.choose() == Decode((0, 1, 2), GREEDY)
    assert policy.choose() == Decode((3, 4), GREEDY)


def test_windows_that_differ_are_decoded_apart():
    policy = _policy(batch_size=10)
    other = Batch(beam_size=1, temperature=0.2, n_prompt_tokens=0)
    for n in range(4):
        policy.encoded(n, tag=float(n), batch=GREEDY if n % 2 else other)
    assert policy.choose() == Decode((0, 2), other)
    assert policy.choose() == Decode((1, 3), GREEDY)


def test_each_beam_counts_as_a_row():
    policy = _policy(batch_size=10)
    for n in range(3):
        policy.encoded(n, tag=float(n), batch=BEAM)
    assert policy.choose() == Decode((0, 1), BEAM)


def test_a_batch_larger_than_the_limit_still_holds_one_window():
    policy = _policy(batch_size=2)
    policy.encoded(1, tag=0.0, batch=BEAM)
    assert policy.choose() == Decode((1,), BEAM)


def test_an_encoded_window_lets_only_a_few_others_go_first():
    policy = _policy()
    policy.encoded(1, tag=0.0, batch=GREEDY)
    for n in range(2, 9):
        policy.arrive(n, request_id=10, cost=30.0)
    jobs = [policy.choose() for _ in range(MAX_PASSED_OVER + 1)]
    assert jobs == [Encode(2), Encode(3), Decode((1,), GREEDY)]


def test_an_odd_window_has_its_turn_among_full_batches_of_others():
    policy = _policy(batch_size=2)
    odd = Batch(beam_size=1, temperature=0.4, n_prompt_tokens=7)
    policy.encoded(99, tag=1.5, batch=odd)
    for n in range(4):
        policy.encoded(n, tag=float(n), batch=GREEDY)
    jobs = [policy.choose() for _ in range(3)]
    assert jobs == [Decode((0, 1), GREEDY), Decode((99,), odd), Decode((2, 3), GREEDY)]


def test_encoding_stops_while_enough_wait_to_be_decoded():
    policy = _policy(batch_size=4, max_encoded=2)
    for n in range(2):
        policy.encoded(n, tag=float(n), batch=GREEDY)
    policy.arrive(5, request_id=10, cost=30.0)
    assert policy.choose() == Decode((0, 1), GREEDY)


def test_a_window_keeps_its_place_when_its_engine_died():
    policy = _policy()
    first = policy.arrive(1, request_id=10, cost=30.0)
    policy.choose()
    policy.arrive(2, request_id=10, cost=30.0)
    policy.again(1, first)
    assert policy.choose() == Encode(1)


def test_a_window_that_left_is_not_chosen():
    policy = _policy()
    policy.arrive(1, request_id=10, cost=30.0)
    policy.leave(1)
    policy.leave(2)
    assert policy.choose() is None


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0.1, 30.0)), max_size=60), st.data())
def test_every_window_is_encoded_once_and_decoded_once(arrivals, data):
    policy = _policy()
    batches = [GREEDY, BEAM, Batch(1, 0.2, 3)]
    tags, encoded, decoded = {}, [], []
    for window_id, (request_id, cost) in enumerate(arrivals):
        tags[window_id] = policy.arrive(window_id, request_id, cost)
    while (job := policy.choose()) is not None:
        if isinstance(job, Encode):
            encoded.append(job.window_id)
            policy.encoded(job.window_id, tags[job.window_id], data.draw(st.sampled_from(batches)))
        else:
            decoded.extend(job.window_ids)
    assert sorted(encoded) == sorted(decoded) == list(range(len(arrivals)))


def test_a_short_clip_waits_for_one_job_while_a_long_file_runs():
    """Replays a 2 h file of 30 s windows on one worker, with a 3 s clip arriving at any point."""
    for arrival in range(40):
        policy = _policy()
        tags = {n: policy.arrive(n, request_id=1, cost=30.0) for n in range(8)}
        jobs = 0
        submitted = 8
        waited = None
        while jobs < 60 and waited is None:
            if jobs == arrival:
                tags[999] = policy.arrive(999, request_id=2, cost=3.0)
            match policy.choose():
                case Encode(999):
                    waited = jobs - arrival
                case Encode(window_id):
                    policy.encoded(window_id, tags[window_id], GREEDY)
                case Decode(window_ids):
                    for _ in window_ids:
                        tags[submitted] = policy.arrive(submitted, request_id=1, cost=30.0)
                        submitted += 1
            jobs += 1
        assert waited is not None
        assert waited <= 1, f"arriving before job {arrival} it waited for {waited} others"
