"""Whose encoder states an engine holds, and for how long."""

from __future__ import annotations

from auricle.cluster.leases import LEASE_S, Leases, new_session, own, shared

ONE, TWO = new_session(), new_session()


def test_states_of_two_sessions_are_two():
    assert shared(ONE, 7) != shared(TWO, 7)
    assert own(shared(ONE, 7)) == own(shared(TWO, 7)) == 7
    assert shared(2**30 - 1, 2**32 - 1) < 2**63  # a message has room for no more


def test_a_session_that_ends_leaves_its_states_to_be_released():
    leases = Leases()
    leases.hold([shared(ONE, 1), shared(ONE, 2), shared(TWO, 1)], 0.0)
    leases.release([shared(ONE, 1), shared(ONE, 9), shared(new_session(), 1)])
    assert leases.n_states == 2
    assert leases.end(ONE) == (shared(ONE, 2),)
    assert leases.end(ONE) == ()
    assert leases.n_states == 1


def test_a_session_that_is_not_renewed_has_ended():
    leases = Leases()
    for session in (ONE, TWO):
        leases.renew(session, 3.0, now_s=0.0)
        leases.hold([shared(session, 1)], 0.0)
    assert leases.backlog_s == 6.0
    leases.renew(TWO, 4.0, now_s=LEASE_S)
    assert leases.expire(LEASE_S) == ()
    assert leases.expire(LEASE_S + 1.0) == (shared(ONE, 1),)
    assert (leases.backlog_s, leases.n_states) == (4.0, 1)
