"""What is decided of a text while several are still possible."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.decoding.rules import IMPOSSIBLE, Candidates
from auricle.decoding.search import CLEARLY_WORSE, Beam, Search

END, FIRST = 20, 24


def beam(*ids: int, mean: float = -0.5) -> Beam:
    return Beam(ids, mean * len(ids), (mean,) * len(ids))


def search(*beams: Beam, ended: tuple[Beam, ...] = ()) -> Search:
    return Search(len(beams), len(beams), 10, list(beams), FIRST, list(ended))


@pytest.mark.parametrize(
    ("beams", "decided"),
    [
        ([(FIRST, 1, 2, 3)], (FIRST, 1, 2, 3)),
        ([(FIRST, 1, 2, 3), (FIRST, 1, 2, 4)], (FIRST, 1, 2)),
        ([(FIRST, 1, 2, 3), (FIRST, 2, 2, 3)], None),
        # timestamps may differ, and are those of the best; none stands at the end
        ([(FIRST, 1, 2, FIRST + 9), (FIRST + 5, 1, 2, 3)], (FIRST, 1, 2)),
        (
            [(FIRST, 1, FIRST + 9, FIRST + 9, 2), (FIRST, 1, 2, 3, 4)],
            (FIRST, 1, *(FIRST + 9,) * 2, 2),
        ),
        ([(FIRST,), (FIRST + 1,)], None),
    ],
)
def test_all_beams_must_agree_in_the_text(beams, decided):
    means = [-0.1, -0.2, -0.3]
    found = search(*(beam(*ids, mean=means[n]) for n, ids in enumerate(beams)))
    told = found.decide()
    assert (None if told is None else told.ids) == decided
    if told is not None:
        assert told.mean == pytest.approx(-0.1)
    assert found.decide() is None  # nothing more


def test_what_was_given_counts_as_certain():
    found = search(Beam((FIRST, 1, 2, 3), -0.6, (-0.2, -0.4)))
    told = found.decide()
    assert told is not None
    assert (told.ids, told.logprobs) == ((FIRST, 1, 2, 3), (-0.2, -0.4))
    assert told.mean == pytest.approx(-0.6 / 4)


def test_a_text_that_ended_keeps_others_from_being_decided_while_it_may_be_the_best():
    living = beam(FIRST, 1, 2, 3, mean=-0.5)
    near = beam(FIRST, 1, mean=-0.5 - 0.9 * CLEARLY_WORSE)
    far = beam(FIRST, 1, mean=-0.5 - 1.1 * CLEARLY_WORSE)
    for ended, text in ((near, (1,)), (far, (1, 2, 3))):
        found = search(living, ended=(ended,))
        told = found.decide()
        assert told is not None
        assert found.decided == text


def test_the_best_text_begins_with_what_was_decided():
    """Although one that ended before turns out to be more probable."""
    found = search(beam(FIRST, 1, 2, 3, mean=-0.1), ended=(beam(FIRST, 1, mean=-0.9),))
    undecided = search(beam(FIRST, 1, 2, 3, mean=-0.1), ended=(beam(FIRST, 1, mean=-0.9),))
    assert found.decide() is not None
    unlikely = Candidates(np.full((1, 1), -50, np.float32), np.array([[END]]))
    for each in (found, undecided):
        each.n_wanted = 2
        assert each.advance(unlikely, END) == []
    assert found.best()[0].ids == (FIRST, 1, 2, 3)
    assert undecided.best()[0].ids == (FIRST, 1)


def test_a_text_that_is_cut_is_kept_although_enough_others_had_ended():
    """They do not begin with what was decided."""
    found = search(beam(FIRST, 1, 2, 3, mean=-0.1), ended=(beam(FIRST, 1, mean=-0.9),))
    found.max_tokens = 5
    assert found.decide() is not None
    more = Candidates(np.array([[-1, IMPOSSIBLE]], np.float32), np.array([[4, 5]]))
    assert found.advance(more, END) == []
    assert found.best()[0].ids == (FIRST, 1, 2, 3, 4)


def test_the_next_best_texts_are_those_that_may_be_said():
    """Rows that only fill up a window's places are none."""
    ended = [beam(FIRST, n, mean=-n / 10) for n in (3, 1, 2)]
    filler = beam(FIRST, 4)._replace(total=float(IMPOSSIBLE))
    found = search(beam(FIRST, 5), ended=(*ended, filler))
    assert [each.ids[1] for each in found.best(2)] == [1, 2]
    assert [each.ids[1] for each in found.best(9)] == [1, 2, 3]
    assert [each.ids[1] for each in search(beam(FIRST), ended=(filler,)).best(2)] == [4]
