"""Segments of a transcription with their speakers: each is one speaker's, split where the voice
changes.

Knows nothing about audio or how voices are told apart. Text is given as it is read, a segment with
the next text after its speaker is known: once all of the recording was heard, and its sentence has
ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import groupby

import msgspec

from auricle.diarize import Diarization
from auricle.output.line_breaking import ends_sentence
from auricle.segment_stream import ReadPart
from auricle.speakers.words import SpokenWord, attribute
from auricle.transcribe import Transcription
from auricle.types import AudioTrack, Language, Segment, Speaker, Task, Token, Word
from auricle.whisper.vocabulary import Vocabulary

LONGEST_WAIT_S = 60.0
"""Audio after which segments no longer wait for their sentence to end: some languages, and some
models, write none."""


@dataclass(slots=True)
class SpokenTranscription:
    """A `SegmentStream` whose segments and words have speakers."""

    transcription: Transcription
    diarization: asyncio.Task[Diarization]
    vocabulary: Vocabulary

    @property
    def task(self) -> Task:
        return self.transcription.task

    @property
    def language(self) -> Language | None:
        return self.transcription.language

    @property
    def duration_s(self) -> float:
        return self.transcription.duration_s

    @property
    def track(self) -> AudioTrack | None:
        return self.transcription.track

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of both; they read the same recording, so many are told twice."""
        theirs = self.diarization.result().warnings if self.diarization.done() else ()
        return tuple(dict.fromkeys((*self.transcription.warnings, *theirs)))

    @property
    def speakers(self) -> tuple[Speaker, ...] | None:
        """Who speaks; known when the first segment comes."""
        return self.diarization.result().speakers if self.diarization.done() else None

    async def __aiter__(self) -> AsyncIterator[Segment]:
        async for _, spoken in self.parts():
            for segment in spoken:
                yield segment

    async def parts(self, *, early: bool = False) -> AsyncIterator[ReadPart]:
        """Every segment as it is read, without a speaker, and what is known of it before; with
        that, segments whose speakers have become known; at the end None, and the rest."""
        waiting: list[Segment] = []
        whole: list[Sequence[Segment]] = []
        async for read, segments in self.transcription.parts(early=early):
            waiting += segments
            n_whole = n_in_whole_sentences(waiting)
            whole.append(waiting[:n_whole])
            del waiting[:n_whole]
            if not self.diarization.done():
                yield read, ()
                continue
            yield read, self._spoken(whole)
            whole.clear()
        await asyncio.wait({self.diarization})
        yield None, self._spoken([*whole, waiting])

    def _spoken(self, sentences: Sequence[Sequence[Segment]]) -> tuple[Segment, ...]:
        diarization = self.diarization.result()
        return tuple(
            segment
            for some in sentences
            for segment in with_speakers(some, diarization, self.vocabulary)
        )


@asynccontextmanager
async def spoken(
    opened: AbstractAsyncContextManager[Transcription],
    diarizing: Coroutine[None, None, Diarization],
) -> AsyncIterator[SpokenTranscription]:
    """A transcription whose segments have speakers, which are found meanwhile; leaving the context
    ends both."""
    task = asyncio.create_task(diarizing, name="diarization")
    try:
        async with opened as transcription:
            yield SpokenTranscription(transcription, task, transcription.model.vocabulary)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def n_in_whole_sentences(segments: Sequence[Segment]) -> int:
    """How many segments hold sentences that have ended, as far as those behind them tell."""
    if len(segments) < 2:
        return 0
    for n in range(len(segments) - 1, 0, -1):
        if ends_sentence(segments[n - 1].text, segments[n].text.lstrip()):
            return n
    is_long = segments[-1].end_s - segments[0].start_s > LONGEST_WAIT_S
    return len(segments) - 1 if is_long else 0


def with_speakers(
    segments: Sequence[Segment], diarization: Diarization, vocabulary: Vocabulary
) -> tuple[Segment, ...]:
    """Segments of whole sentences, each split where its speaker changes.

    One without words of its own, as a translation may be, is one speaker's as a whole. Where nobody
    was heard at all, nobody is named.
    """
    names = tuple(each.name for each in diarization.speakers)
    words = [_words(segment) for segment in segments]
    spoken = iter(attribute([word for some in words for word in some], diarization.turns))
    return tuple(
        part
        for segment, some in zip(segments, words, strict=True)
        for part in _split(segment, [next(spoken) for _ in some], names, vocabulary)
    )


def _words(segment: Segment) -> tuple[Word, ...]:
    """Its words; without any, all of it as one."""
    found = segment.words or ()
    if "".join(word.text for word in found) == segment.text and found:
        return found
    return (Word(segment.text, segment.start_s, segment.end_s, 1.0),)


def _split(
    segment: Segment, spoken: Sequence[SpokenWord], names: Sequence[str], vocabulary: Vocabulary
) -> Iterator[Segment]:
    runs = [list(run) for _, run in groupby(spoken, key=lambda each: each.speaker)]
    texts = ["".join(each.word.text for each in run) for run in runs]
    tokens = _tokens_of(segment.tokens, texts, vocabulary)
    logprobs = _logprobs_of(segment.logprobs, texts)
    for number, run in enumerate(runs):
        words = tuple(_named(each, names) for each in run)
        is_last = number == len(runs) - 1
        yield msgspec.structs.replace(
            segment,
            start_s=segment.start_s if number == 0 else run[0].word.start_s,
            end_s=segment.end_s if is_last else run[-1].word.end_s,
            text=texts[number],
            tokens=tokens[number],
            logprobs=logprobs[number],
            words=None if segment.words is None else words,
            speaker=words[0].speaker,
            overlapping=tuple(dict.fromkeys(o for word in words for o in word.overlapping)),
        )


def _named(each: SpokenWord, names: Sequence[str]) -> Word:
    return msgspec.structs.replace(
        each.word,
        speaker=None if each.speaker is None else names[each.speaker],
        overlapping=tuple(names[other] for other in each.overlapping),
    )


def _tokens_of(
    tokens: Sequence[int], texts: Sequence[str], vocabulary: Vocabulary
) -> list[tuple[int, ...]]:
    """The tokens of each text; timestamps stay with the text before them, the first with the
    first."""
    if len(texts) == 1:
        return [tuple(tokens)]
    places = _places([vocabulary.decode_bytes([token]) for token in tokens], texts)
    return [
        tuple(token for token, place in zip(tokens, places, strict=True) if place == number)
        for number in range(len(texts))
    ]


def _logprobs_of(
    tokens: tuple[Token, ...] | None, texts: Sequence[str]
) -> list[tuple[Token, ...] | None]:
    if tokens is None:
        return [None] * len(texts)
    places = _places([token.raw for token in tokens], texts)
    return [
        tuple(token for token, place in zip(tokens, places, strict=True) if place == number)
        for number in range(len(texts))
    ]


def _places(pieces: Sequence[bytes], texts: Sequence[str]) -> list[int]:
    """For pieces that joined are the texts joined: the text in which each begins; those without
    bytes are where the one before them is."""
    ends: list[int] = []
    for text in texts:
        ends.append((ends[-1] if ends else 0) + len(text.encode()))
    places, n_bytes, place = [], 0, 0
    for piece in pieces:
        while piece and place < len(texts) - 1 and n_bytes >= ends[place]:
            place += 1
        places.append(place)
        n_bytes += len(piece)
    return places
