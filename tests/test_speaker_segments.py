"""Segments get their speakers: split where the voice changes, whole otherwise, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from auricle.diarize import Diarization
from auricle.errors import EngineFailed
from auricle.segment_stream import collect
from auricle.speaker_segments import SpokenTranscription, spoken, with_speakers
from auricle.speakers.turns import Turn
from auricle.types import DecodeOptions, Language, Segment, Speaker, Token, Word
from tests.fakes import VOCABULARY, FakeEngine, FakeRow, FakeText
from tests.test_transcribe import transcribing

START, END = VOCABULARY.first_timestamp, VOCABULARY.first_timestamp + 50


def said(text: str, start_s: float = 0.0, length_s: float = 0.4) -> Segment:
    """A word each 0.4 s, with a token for every byte between two timestamps."""
    words = tuple(
        Word(f" {each}", start_s + i * length_s, start_s + (i + 1) * length_s, 0.5)
        for i, each in enumerate(text.split())
    )
    tokens = (START, *VOCABULARY.encode(f" {text}"), END)
    end_s = start_s + len(words) * length_s
    return Segment(start_s, end_s, f" {text}", tokens, 0.0, -0.2, 1.2, 0.01, 0, words)


def heard(*turns: tuple[float, float, int]) -> Diarization:
    n = max((speaker for _, _, speaker in turns), default=-1) + 1
    speakers = tuple(Speaker("ABC"[i], False, 1.0, (1.0,)) for i in range(n))
    return Diarization(speakers, tuple(Turn(*turn) for turn in turns), 60.0)


def labelled(segments: list[Segment], *turns: tuple[float, float, int]) -> list[tuple[object, ...]]:
    found = with_speakers(segments, heard(*turns), VOCABULARY)
    return [(each.speaker, each.text, round(each.start_s, 3), each.end_s) for each in found]


def test_a_segment_of_one_speaker_stays_as_it_is():
    [found] = with_speakers([said("it is late")], heard((0.0, 2.0, 0)), VOCABULARY)
    words = tuple(msgspec.structs.replace(w, speaker="A") for w in said("it is late").words or ())
    assert found == msgspec.structs.replace(said("it is late"), speaker="A", words=words)


def test_a_segment_is_split_where_the_voice_changes():
    segment = said("Is it late? Not yet.")
    turns = ((0.0, 1.2, 0), (1.2, 2.0, 1))
    assert labelled([segment], *turns) == [
        ("A", " Is it late?", 0.0, pytest.approx(1.2)),
        ("B", " Not yet.", 1.2, 2.0),
    ]
    first, second = with_speakers([segment], heard(*turns), VOCABULARY)
    assert first.tokens == (START, *VOCABULARY.encode(" Is it late?"))
    assert second.tokens == (*VOCABULARY.encode(" Not yet."), END)
    assert first.tokens + second.tokens == segment.tokens
    assert [word.text for word in second.words or ()] == [" Not", " yet."]


def test_log_probabilities_go_with_their_text():
    tokens = tuple(Token(i, raw, -0.5) for i, raw in enumerate((b" Wh", b"o? I", b" do.")))
    segment = msgspec.structs.replace(said("Who? I do."), logprobs=tokens)
    first, second = with_speakers([segment], heard((0.0, 0.4, 0), (0.4, 1.2, 1)), VOCABULARY)
    assert first.logprobs == tokens[:2]  # a token is never split
    assert second.logprobs == tokens[2:]


def test_a_sentence_over_two_segments_is_kept_whole():
    segments = [said("so it is rather"), said("late.", 1.6)]
    assert [each[0] for each in labelled(segments, (0.0, 1.7, 0), (1.7, 2.0, 1))] == ["A", "A"]


def test_who_else_speaks_is_told():
    [found] = with_speakers([said("late.")], heard((0.0, 0.4, 0), (0.1, 0.4, 1)), VOCABULARY)
    assert (found.speaker, found.overlapping) == ("A", ("B",))
    assert [word.overlapping for word in found.words or ()] == [("B",)]


def test_text_without_words_is_one_speakers_as_a_whole():
    plain = msgspec.structs.replace(said("Is it late? Not yet."), words=None)
    [found] = with_speakers([plain], heard((0.0, 1.2, 0), (1.2, 2.0, 1)), VOCABULARY)
    assert (found.speaker, found.text, found.words) == ("A", plain.text, None)


def test_nobody_was_heard():
    [found] = with_speakers([said("la la")], heard(), VOCABULARY)
    assert (found.speaker, found.text) == (None, " la la")


# What is given when


def hear(window: FakeRow) -> FakeText:
    """Sentences of two windows each."""
    return FakeText(" It is" if round(window.start_s / 22.5) % 2 == 0 else " late.")


OPTIONS = DecodeOptions(language="en", words=True)


async def known_at(event: asyncio.Event, diarization: Diarization) -> Diarization:
    await event.wait()
    return diarization


ALL = heard((0.0, 999.0, 0))


@asynccontextmanager
async def with_speakers_of(
    engine: FakeEngine, n_stretches: int, diarizing: Coroutine[None, None, Diarization]
) -> AsyncIterator[SpokenTranscription]:
    async with spoken(transcribing(engine, OPTIONS, n_stretches), diarizing) as stream:
        yield stream


async def parts_of(n_stretches: int, known_after: int) -> list[tuple[str | None, list[str]]]:
    """What comes when the speakers are known after so many segments."""
    event = asyncio.Event()
    found: list[tuple[str | None, list[str]]] = []
    async with with_speakers_of(FakeEngine(hear), n_stretches, known_at(event, ALL)) as stream:
        if not known_after:
            event.set()
            await asyncio.sleep(0)
        n_read = 0
        async for read, whole in stream.parts():
            text = None if read is None else read.text
            found.append((text, [f"{each.speaker}{each.text}" for each in whole]))
            assert read is None or (isinstance(read, Segment) and read.speaker is None)
            n_read += 1
            if n_read == known_after:
                event.set()
                await asyncio.sleep(0)
        assert [each.name for each in stream.speakers or ()] == ["A"]
    return found


async def test_segments_come_when_speaker_and_sentence_are_known():
    both = ["A It is", "A late."]
    assert await parts_of(4, known_after=0) == [
        (" It is", []),
        (" late.", []),
        (" It is", both),
        (" late.", []),
        (None, both),
    ]


async def test_text_does_not_wait_for_speakers():
    both = ["A It is", "A late."]
    assert await parts_of(4, known_after=4) == [
        (" It is", []),
        (" late.", []),
        (" It is", []),
        (" late.", []),
        (None, both * 2),
    ]


async def test_words_come_ahead_of_their_segment():
    """They used to wait for all of their window, though they need no speaker."""

    def tell(window: FakeRow) -> FakeText:
        return FakeText(f" It is {window.start_s:.0f} now.", told=(" It is",))

    found = []
    opened = transcribing(FakeEngine(tell), replace(OPTIONS, audio_context="full"), 2)
    done = asyncio.Event()
    done.set()
    async with spoken(opened, known_at(done, ALL)) as stream:
        async for read, whole in stream.parts(early=True):
            found.append((read and read.text, [each.text for each in whole]))
    assert found[0] == (" It", [])
    assert [each for each in found if each[0] != " It"] == [
        (" It is 0 now.", []),
        (" It is 22 now.", [" It is 0 now."]),
        (None, [" It is 22 now."]),
    ]


async def test_sentences_that_never_end_are_not_waited_for():
    engine = FakeEngine(lambda _: FakeText(" la"))
    done = asyncio.Event()
    done.set()
    async with with_speakers_of(engine, 6, known_at(done, ALL)) as stream:
        counts = [len(whole) async for _, whole in stream.parts()]
    assert counts == [0, 0, 0, 3, 0, 0, 3]


async def test_the_whole_transcript_names_its_speakers():
    done = asyncio.Event()
    done.set()
    async with with_speakers_of(FakeEngine(hear), 2, known_at(done, ALL)) as stream:
        transcript = await collect(stream)
    assert [(each.speaker, each.text) for each in transcript.segments] == [
        ("A", " It is"),
        ("A", " late."),
    ]
    assert [each.name for each in transcript.speakers or ()] == ["A"]
    assert (transcript.language, transcript.duration_s > 40) == (Language("en"), True)


async def test_what_hearing_voices_warns_of_is_told_with_what_reading_does():
    done = asyncio.Event()
    done.set()
    noisy = replace(ALL, warnings=("It ends early.", "The reference is noisy."))
    async with with_speakers_of(FakeEngine(hear), 2, known_at(done, noisy)) as stream:
        assert stream.warnings == stream.transcription.warnings == ()
        transcript = await collect(stream)
    assert transcript.warnings == noisy.warnings


async def test_voices_that_cannot_be_told_apart_end_it_early():
    async def fail() -> Diarization:
        raise EngineFailed("twice")

    async with with_speakers_of(FakeEngine(hear), 20, fail()) as stream:
        with pytest.raises(EngineFailed, match="twice"):
            await collect(stream)


async def test_who_leaves_early_leaves_no_task_behind():
    cancelled = asyncio.Event()

    async def wait() -> Diarization:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    async with with_speakers_of(FakeEngine(hear), 2, wait()) as stream:
        parts: AsyncIterator[object] = stream.parts()
        assert await anext(parts)
        assert stream.speakers is None
    assert cancelled.is_set()
