"""Sessions of hours, and audio that comes faster than it is spoken: nothing is lost, nothing grows.

The engine here hears a word every 0.3 s while somebody speaks, and half a word where the audio ends
within one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from auricle.live.effects import Effect, Final, LiveWord, ReadRequest, ReadResult, Update
from auricle.live.session import LiveSession
from auricle.types import Language, Token
from tests.live.saying import session

WORD_S = 0.3
SECOND = np.zeros(16_000, np.float32)
FRAMES_PER_S = 31.25

Speech = list[tuple[float, float]]


def spoken(speech: Speech) -> Iterator[LiveWord]:
    for start_s, end_s in speech:
        for i in range(round((end_s - start_s) / WORD_S)):
            at_s = start_s + i * WORD_S
            token = Token(1, b"", -0.1)
            yield LiveWord(f" {at_s:.1f}", at_s, at_s + WORD_S, 0.9, tokens=(token,))


def understand(request: ReadRequest, said: list[LiveWord]) -> ReadResult:
    """What is heard of ``said``, which is in order, behind the prefix."""
    inside = [
        msgspec.structs.replace(word, text=word.text[: 4 if word.end_s > request.end_s else None])
        for word in said
        if request.start_s - 0.01 <= word.start_s < request.end_s - 0.05
    ]
    return ReadResult(tuple(inside[len(request.prefix) :]), Language("en"))


def play(live: LiveSession, speech: Speech, hours: float, per_read_s: int = 1) -> list[Effect]:
    """Push audio second by second, with a reading for every ``per_read_s`` of it."""
    said = list(spoken(speech))
    n_done = 0
    effects: list[Effect] = []
    frame = 0
    for second in range(round(hours * 3600)):
        n_frames = int((second + 1) * FRAMES_PER_S) - frame
        times = [(frame + i) / FRAMES_PER_S for i in range(n_frames)]
        while n_done < len(speech) and speech[n_done][1] < second:
            n_done += 1
        near = speech[n_done : n_done + 2]
        probabilities = [0.9 if any(a <= t < b for a, b in near) else 0.02 for t in times]
        frame += n_frames
        effects += live.push(SECOND, probabilities)
        if second % per_read_s == 0 and (request := live.next_read()):
            assert len(request.pcm) <= 15 * 16_000
            first = bisect_left(said, request.start_s - 1.0, key=lambda word: word.start_s)
            effects += live.answer(request.id, understand(request, said[first : first + 80]))
        assert live._audio.held_s < 60 * per_read_s
    effects += live.finish()
    for _ in range(100):
        if request := live.next_read():
            effects += live.answer(request.id, understand(request, said))
    return effects


def committed(effects: list[Effect]) -> list[str]:
    return [w.text for effect in effects if isinstance(effect, Update) for w in effect.committed]


def monologue(hours: float, turn_s: float, pause_s: float) -> Speech:
    starts = np.arange(1.0, hours * 3600 - turn_s - 1, turn_s + pause_s)
    return [(round(float(s), 1), round(float(s) + turn_s, 1)) for s in starts]


@pytest.mark.parametrize(
    ("turn_s", "pause_s"),
    [(9.0, 3.0), (3.0, 0.9), (171.0, 3.0)],
    ids=["sentences", "short turns", "without a pause for minutes"],
)
def test_every_word_is_committed_once_and_in_order(turn_s, pause_s):
    """Neither the beginnings of windows nor the ends of turns lose, double or cut a word."""
    speech = monologue(0.25, turn_s, pause_s)
    effects = play(session(), speech, 0.25)
    assert committed(effects) == [word.text for word in spoken(speech)]
    finals = [effect for effect in effects if isinstance(effect, Final)]
    assert [w.text for final in finals for w in final.words] == committed(effects)
    assert all(a.end_s <= b.start_s for a, b in pairwise(finals))


def test_an_hour_is_as_light_as_a_minute():
    """A rival's buffer never shrank: its lag grew with the session."""
    speech = monologue(1.0, 9.0, 3.0)
    live = session()
    effects = play(live, speech, 1.0)
    assert len(committed(effects)) == len(list(spoken(speech)))
    assert live._audio.held_s < 5
    assert len(live._reader.window.words) < 60
    assert len(live._reader.window.context) <= 400


def test_hours_of_a_turn_that_nobody_ends():
    """Push-to-talk with a button that is stuck: silence is dropped, and the window follows."""
    speech = monologue(0.5, 9.0, 60.0)
    live = session(ending="manual", longest_s=7200.0)
    effects = play(live, speech, 0.5)
    assert committed(effects) == [word.text for word in spoken(speech)]
    assert [type(effect) for effect in effects].count(Final) == 1


def test_a_stream_that_comes_25_times_too_fast_loses_nothing():
    """Whole files are sent through live sockets. There is time for one reading in 5 s of audio."""
    speech = monologue(0.1, 9.0, 1.5)
    effects = play(session(), speech, 0.1, per_read_s=5)
    assert committed(effects) == [word.text for word in spoken(speech)]
