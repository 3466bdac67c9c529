"""The events of OpenAI's streams: the text of a transcription while it grows.

Knows nothing about where segments come from, or how events are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from auricle.output.formats import (
    SpokenLanguage,
    Style,
    TokenLogprob,
    Usage,
    VerboseWord,
    logprobs,
    spoken,
    words,
)
from auricle.output.speaker_bodies import DiarizedSegment, SpeakerBody, diarized, speakers
from auricle.segment_stream import EarlyWords
from auricle.types import Segment, Speaker, Token, Word

DONE: Final = b"data: [DONE]\n\n"
"""What OpenAI's streams end with; its clients also stop at the end of the response."""


class TextDelta(msgspec.Struct, frozen=True, tag_field="type", tag="transcript.text.delta"):
    """Text to append to what came before; it is never taken back. ``logprobs`` are those of its
    tokens, only with ``include[]=logprobs``; ``words`` those that were placed in the audio since
    the delta before, only with ``timestamp_granularities[]=word``: they may be of earlier ones."""

    delta: str
    words: tuple[VerboseWord, ...] | msgspec.UnsetType = msgspec.UNSET
    logprobs: tuple[TokenLogprob, ...] | msgspec.UnsetType = msgspec.UNSET


class TextDone(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.done"
):
    """The end of a stream: ``text`` is exactly the deltas joined, and so are the ``logprobs``.
    ``words`` and ``languages`` are there where ``json`` has them, ``speakers`` where
    ``diarized_json`` has. ``warnings`` say what of the recording could not be read, and which
    references of voices are noisy."""

    text: str
    words: tuple[VerboseWord, ...] | msgspec.UnsetType = msgspec.UNSET
    logprobs: tuple[TokenLogprob, ...] | msgspec.UnsetType = msgspec.UNSET
    languages: tuple[SpokenLanguage, ...] | msgspec.UnsetType = msgspec.UNSET
    speakers: tuple[SpeakerBody, ...] | msgspec.UnsetType = msgspec.UNSET
    warnings: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    usage: Usage


class GrowingText:
    """Segment texts joined as they come, or ahead of that. What was given out is never revised, and
    all of it together is the stripped transcript: white space waits until something follows it.
    Tokens and words wait with the text they belong to, and none is lost; words of text that comes
    ahead of its segment come behind it. ``style`` says what is shown beside the text."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._languages: dict[str | None, Segment] = {}
        self._sent: list[str] = []
        self._held = ""
        self._ahead = ""
        """What was taken of segments that are still to come."""
        self._n_tokens_ahead = 0
        """The same in tokens."""
        self._tokens: list[Token] = []
        self._words: list[Word] = []
        self._n_sent = 0
        self._n_words_sent = 0

    def append(self, read: Segment | EarlyWords) -> TextDelta | None:
        """The part of the text so far that can be sent now, if any."""
        if isinstance(read, EarlyWords):
            more, self._ahead = read.text[len(self._ahead) :], read.text
            self._tokens += read.tokens[self._n_tokens_ahead :]
            self._n_tokens_ahead = len(read.tokens)
            return self._sendable(more)
        return self._sendable(self._added(read))

    def _added(self, segment: Segment) -> str:
        """What a segment has that was not taken ahead of it."""
        tokens = segment.logprobs or ()
        self._tokens += tokens[self._n_tokens_ahead :]
        self._words += segment.words or ()
        self._languages.setdefault(segment.language, segment)
        known, self._ahead = self._ahead, self._ahead[len(segment.text) :]
        left = self._n_tokens_ahead - len(tokens)
        self._n_tokens_ahead = max(0, left) if self._ahead else 0
        return segment.text[len(known) :]

    def _sendable(self, more: str) -> TextDelta | None:
        waiting = self._held + more
        if not self._sent:
            waiting = waiting.lstrip()
        delta = waiting.rstrip()
        self._held = waiting[len(delta) :]
        if not delta:
            return None
        self._sent.append(delta)
        tokens = self._tokens[self._n_sent :]
        self._n_sent = len(self._tokens)
        spoken_now = self._words[self._n_words_sent :]
        self._n_words_sent = len(self._words)
        return TextDelta(delta, self._timed(spoken_now), self._logprobs(tokens))

    def done(
        self,
        usage: Usage,
        warnings: tuple[str, ...] = (),
        found: tuple[Speaker, ...] | None = None,
    ) -> TextDone:
        """The event that ends the stream; ``found`` are the speakers, if anybody asked."""
        return TextDone(
            text="".join(self._sent),
            words=self._timed(self._words),
            logprobs=self._logprobs(self._tokens),
            languages=spoken(self._languages.values()) if self._style.languages else msgspec.UNSET,
            speakers=speakers(found, embeddings=self._style.embeddings),
            warnings=warnings or msgspec.UNSET,
            usage=usage,
        )

    def _logprobs(self, tokens: list[Token]) -> tuple[TokenLogprob, ...] | msgspec.UnsetType:
        return logprobs(tokens) if self._style.logprobs else msgspec.UNSET

    def _timed(self, spoken: list[Word]) -> tuple[VerboseWord, ...] | msgspec.UnsetType:
        return words(spoken) if self._style.words else msgspec.UNSET


class SpokenSegments:
    """The events of segments whose speakers are known, where the format shows those."""

    def __init__(self, style: Style) -> None:
        self._is_shown = style.format == "diarized_json"
        self._n_sent = 0

    def events(self, segments: Iterable[Segment]) -> Iterator[DiarizedSegment]:
        """One for each of the next segments."""
        for segment in segments if self._is_shown else ():
            yield diarized(self._n_sent, segment)
            self._n_sent += 1
