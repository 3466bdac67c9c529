"""What an engine process sends while it decodes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from auricle.engine.protocol import Decoded, DecodeJob, Hypothesis, Stepped, Tokens
from auricle.engine.worker import STEPPED_EVERY_S, Progress, Worker
from auricle.errors import ModelUnusable
from auricle.rpc.caller import CallCancelled

GROWING = [Tokens(1, tuple(range(n)), -0.5, 0.1) for n in (1, 2, 3)]
FOUND = Hypothesis(1, (0, 1, 2, 3), -0.5, 0.1)


class Call:
    """Takes as many parts at once as there is ``room``; each that has none must be waited for."""

    def __init__(self, room: int = 99) -> None:
        self.room = room
        self.sent: list[object] = []
        self.failures: list[Exception] = []
        self.is_cancelled = False
        self.request: object = DecodeJob((), 1, 0.0)
        self.request_id = ""

    @property
    def has_room(self) -> bool:
        return self.room > 0

    def part(self, message: object) -> None:
        self.room -= 1
        self.sent.append(message)

    def reply(self, message: object) -> None:
        self.sent.append(message)

    def fail(self, exc: Exception) -> None:
        self.failures.append(exc)


def decoding(call: Call, decode) -> None:
    worker = Worker(())  # type: ignore[arg-type]  # nobody calls
    worker._model = SimpleNamespace(decode=decode)
    worker._decode(call, DecodeJob((), 1, 0.0))  # type: ignore[arg-type]


def test_what_grows_is_told_as_far_as_it_is_taken_and_what_is_found_always():
    """A server that is slow is not waited for with every token."""
    for room, told in ((99, GROWING), (2, GROWING[:2]), (0, [])):
        call = Call(room)
        decoding(call, lambda job, stepped: iter([*GROWING, FOUND]))
        assert call.sent == [*told, FOUND, Decoded()]


def test_a_call_that_is_cancelled_ends_at_the_next_step():
    call, steps = Call(), []

    def decode(job, stepped):
        for n in range(5):
            steps.append(n)
            call.is_cancelled = n == 1
            stepped()
        yield FOUND

    with pytest.raises(CallCancelled):
        decoding(call, decode)
    assert (steps, call.sent) == ([0, 1], [])


@pytest.mark.parametrize(
    ("error", "is_traced"), [(ModelUnusable("no such format"), False), (ValueError("a bug"), True)]
)
def test_only_what_has_no_words_of_its_own_is_logged(error: Exception, is_traced: bool, caplog):
    """Whoever named a format that there is not saw thirty lines of source before the reason."""
    call = Call()

    def decode(job, stepped):
        raise error

    worker = Worker(())  # type: ignore[arg-type]  # nobody calls
    worker._model = SimpleNamespace(decode=decode)
    worker._answer(call)  # type: ignore[arg-type]
    assert call.failures == [error]
    assert bool(caplog.records) is is_traced


def test_steps_are_told_of_where_nothing_else_was_for_a_while():
    now_s = 0.0
    sent: list[object] = []
    progress = Progress(sent.append, lambda: now_s)
    for _ in range(4):
        now_s += 0.6 * STEPPED_EVERY_S
        progress.stepped()
    assert sent == [Stepped(), Stepped()]
    progress.part(FOUND)
    now_s += 0.6 * STEPPED_EVERY_S
    progress.stepped()
    assert sent == [Stepped(), Stepped(), FOUND]
