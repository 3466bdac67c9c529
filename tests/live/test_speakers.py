"""Words of a live stream get speakers once, and keep them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.errors import Unavailable
from auricle.live import speakers
from auricle.live.effects import (
    Effect,
    Final,
    Forgotten,
    LiveWord,
    TurnFailed,
    TurnStarted,
    Update,
)
from auricle.live.options import LiveOptions
from auricle.live.speakers import LiveSpeakers, with_speakers
from auricle.speakers.diarization import EmbeddedStretches
from auricle.speakers.process import SpeakersDied
from auricle.types import DecodeOptions, Language, Pcm, SpeakerOptions
from tests.server.fakes import FakeLive

RATE = 16_000


def axis(number: int) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.eye(192, dtype=np.float32)[number]
    return found


def said(text: str, start_s: float, length_s: float = 0.4) -> tuple[LiveWord, ...]:
    return tuple(
        LiveWord(f" {each}", start_s + i * length_s, start_s + (i + 1) * length_s, 0.9)
        for i, each in enumerate(text.split())
    )


class Ears:
    """Hears voices by the clock of the stream: ``turns`` are ``(start_s, end_s, voice)``. The audio
    tells the time: a sample is its second."""

    def __init__(self, *turns: tuple[float, float, int]) -> None:
        self.turns = turns
        self.heard: list[tuple[float, float]] = []
        self.failure: Exception | None = None

    async def listen(self, pcm: Pcm) -> EmbeddedStretches:
        if self.failure is not None:
            raise self.failure
        from_s, to_s = float(pcm[0]), float(pcm[-1])
        self.heard.append((round(from_s, 1), round(to_s, 1)))
        there = [turn for turn in self.turns if turn[0] < to_s and turn[1] > from_s]
        times = tuple((max(s - from_s, 0.0), min(e, to_s) - from_s) for s, e, _ in there)
        rows = [axis(voice) for _, _, voice in there]
        return EmbeddedStretches(times, np.array(rows, np.float32).reshape(-1, 192))


def clock(seconds: float) -> Pcm:
    return (np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


async def told(
    ears: Ears, seconds: float, *effects: Effect, at_most: int | None = None
) -> list[Effect]:
    live = FakeLive(LiveOptions(), DecodeOptions())
    stream = LiveSpeakers(live, ears.listen, at_most)
    await stream.send(clock(seconds))
    assert stream.now_s == seconds
    live.say(*effects)
    await stream.commit()
    stream.clear()
    stream.configure(LiveOptions(), DecodeOptions())
    await stream.finish()
    assert live.told == ["send", "commit", "clear", "finish"]
    return [effect async for effect in stream]


def named(words: Sequence[LiveWord]) -> list[str]:
    return [f"{word.speaker}{word.text}" for word in words]


def final(turn: int, words: tuple[LiveWord, ...]) -> Final:
    return Final(turn, 0.0, words[-1].end_s if words else 1.0, words, Language("en"))


async def test_words_are_tentative_until_their_voice_was_heard():
    first, second = said("is it", 0.0), said("late?", 0.8)
    more = said("Hm", 1.2)
    effects = await told(
        Ears((0.0, 1.2, 7)),
        3.0,
        TurnStarted(1, 0.0),
        Update(1, first, second),
        Update(1, second, more),
        final(1, (*first, *second)),
    )
    started, tentative, committed, over = effects
    assert started == TurnStarted(1, 0.0)
    assert isinstance(tentative, Update)
    assert (tentative.committed, tentative.tentative) == ((), (*first, *second))
    assert isinstance(committed, Update)
    assert named(committed.committed) == ["A is", "A it", "A late?"]
    assert committed.tentative == more
    assert isinstance(over, Final)
    assert over.words == committed.committed


async def test_two_seconds_of_words_do_not_wait_for_their_sentence():
    words = said("and so it goes on and", 0.0)
    [update, over] = await told(Ears((0.0, 9.0, 0)), 3.0, Update(1, words, ()), final(1, words))
    assert isinstance(update, Update)
    assert named(update.committed)[0] == "A and"
    assert isinstance(over, Final)
    assert over.words == update.committed


async def test_labels_are_those_of_voices_in_order_of_arrival():
    turns = [said("Yes it is so.", at_s) for at_s in (0.0, 4.0, 8.0, 12.0)]
    ears = Ears((0.0, 2.0, 5), (4.0, 6.0, 3), (8.0, 10.0, 5), (12.0, 14.0, 9))
    effects = await told(ears, 15.0, *(final(i, words) for i, words in enumerate(turns)))
    assert [named(each.words)[0] for each in effects if isinstance(each, Final)] == [
        "A Yes",
        "B Yes",
        "A Yes",
        "C Yes",
    ]
    effects = await told(ears, 15.0, *(final(i, words) for i, words in enumerate(turns)), at_most=2)
    last = effects[-1]
    assert isinstance(last, Final)
    assert last.words[0].speaker in ("A", "B")


async def test_only_the_end_of_the_audio_is_heard():
    ears = Ears((0.0, 60.0, 0))
    await told(ears, 60.0, final(1, said("Late.", 55.0)))
    assert ears.heard == [(45.4, 55.7)]


async def test_audio_that_is_kept_no_more_has_nobodys_voice():
    ears = Ears((0.0, 60.0, 0))
    _, over = await told(ears, 60.0, final(1, said("Early.", 1.0)))
    assert isinstance(over, Final)
    assert over.words[0].speaker is None
    assert ears.heard == []


@pytest.mark.parametrize("failure", [SpeakersDied("killed"), Unavailable("loading")])
async def test_words_come_without_speakers_when_nobody_can_tell(failure: Exception, caplog):
    ears = Ears()
    ears.failure = failure
    words = said("Yes.", 0.0)
    _, over = await told(ears, 2.0, final(1, words))
    assert over == final(1, words)
    assert f"voices between 0.0 s and 0.4 s were not told: {failure}" in caplog.text


class NoEars(Ears):
    async def listen(self, pcm: Pcm) -> EmbeddedStretches:
        await asyncio.Event().wait()
        raise AssertionError


async def test_who_is_heard_too_late_is_nobody(monkeypatch):
    monkeypatch.setattr(speakers, "LISTEN_MAX_S", 0.001)
    _, over = await told(NoEars(), 2.0, final(1, said("Yes.", 0.0)))
    assert isinstance(over, Final)
    assert over.words[0].speaker is None


async def test_a_turn_that_could_not_be_read_and_one_without_words():
    words = said("Yes.", 0.0)
    update, failed, silent = await told(
        Ears((0.0, 2.0, 0)), 2.0, TurnFailed(1, 0.0, 1.0, words, "no engine"), final(2, ())
    )
    assert isinstance(update, Update)
    assert named(update.committed) == ["A Yes."]
    assert isinstance(failed, TurnFailed)
    assert named(failed.words) == ["A Yes."]
    assert silent == final(2, ())


async def test_words_between_voices_go_on_with_who_spoke_last():
    first, second = said("Yes.", 0.0), said("Hm.", 8.0)
    effects = await told(Ears((0.0, 2.0, 4)), 12.0, final(1, first), final(2, second))
    assert [each.words[0].speaker for each in effects if isinstance(each, Final)] == ["A", "A"]


async def test_streams_that_nobody_asks_about_are_left_alone():
    live = FakeLive(LiveOptions(), DecodeOptions())
    assert with_speakers(live, Ears().listen, None) is live
    assert isinstance(with_speakers(live, Ears().listen, SpeakerOptions()), LiveSpeakers)


async def test_words_of_a_turn_that_was_cleared_are_not_those_of_the_next():
    gone, held, kept = said("is it late?", 0.0), said("no", 1.2), said("go on then", 1.6)
    effects = await told(
        Ears((0.0, 3.0, 7)),
        3.0,
        Update(1, gone, ()),
        Update(1, held, ()),
        Forgotten(1),
        Update(2, kept[:1], ()),
        final(2, kept),
    )
    assert Forgotten(1) in effects
    over = effects[-1]
    assert isinstance(over, Final)
    assert named(over.words) == ["A go", "A on", "A then"]
