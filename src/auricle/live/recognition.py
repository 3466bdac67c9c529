"""The words of a window of a live stream behind its prefix, with times.

Knows nothing about sessions, queues or when windows are read. Where the audio is encoded and
decoded is somebody else's business (`Audio`): a place in a queue, or a model in this process.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np

from auricle.engine.protocol import Aligned, Hypothesis
from auricle.live.commit import goes_astray, n_plausible
from auricle.live.effects import Kind, LiveWord, ReadRequest, ReadResult
from auricle.reading.fallback import OPENAI_WHISPER, SURE_AVG_LOGPROB, FallbackThresholds
from auricle.reading.jobs import DecodeSettings
from auricle.reading.text import compression_ratio
from auricle.types import SAMPLE_RATE, DecodeOptions, Language, Token
from auricle.whisper import alignment, prompting, words
from auricle.whisper.dimensions import FRAMES_PER_S, MAX_FRAMES, MAX_NEW_TOKENS
from auricle.whisper.prompting import Prompt
from auricle.whisper.vocabulary import Vocabulary
from auricle.whisper.word_timestamps import MIN_PROBABILITY

MARGIN_S: Mapping[Kind, float] = {"partial": 3.0, "final": 5.0}
"""Silence the encoder is shown behind the audio."""

HURRIED_MARGIN_S = 1.5
"""The same for a partial reading in a hurry."""

FRAMES_STEP = 50
MIXED_FRAMES_STEP = 100
CROWDED_FRAMES_STEP = 300
"""Windows are as long as agrees with others, so that several can be decoded in one call. Where
there are others, that saves more than longer silence costs: with `MIXED_FRAMES_STEP` in an engine
that mixes prompts, where nothing else must agree, and with `CROWDED_FRAMES_STEP` in others."""

TOKENS_STEP = 16
TOKENS_PER_S = 14
MIN_TOKENS = 10
"""Nobody says more: what a decoder that has gone astray costs at most."""


class Audio(Protocol):
    """A window's audio, where it is encoded and decoded."""

    async def encode(self, n_frames: int) -> None: ...

    async def detect_language(
        self, vocabulary: Vocabulary, allowed: tuple[str, ...]
    ) -> Language: ...

    async def decode(
        self, prompt: Prompt, settings: DecodeSettings, *, n_align_frames: int
    ) -> Hypothesis: ...

    async def align(self, prompt: Prompt, ids: tuple[int, ...], n_frames: int) -> Aligned: ...


class ReadMode(NamedTuple):
    """How a window is read beside those of other streams."""

    frames_step: int = FRAMES_STEP
    is_hurried: bool = False
    """Whether a partial reading searches without beams and with less silence: others wait."""


_ALONE = ReadMode()


class _Attempt(NamedTuple):
    """One search for the text of a window."""

    beam_size: int
    min_avg_logprob: float = -math.inf
    """Below it the next attempt is made."""
    stops_on_loops: bool = False
    """Whether it is over where it repeats itself: a final text loses nothing, but by the last."""


_GREEDY = _Attempt(1)


@dataclass(frozen=True, slots=True)
class Recognizer:
    """How the windows of one stream are read, with one model."""

    vocabulary: Vocabulary
    late_s: float | None
    options: DecodeOptions
    thresholds: FallbackThresholds = OPENAI_WHISPER
    margins_s: Mapping[Kind, float] = field(default_factory=lambda: MARGIN_S)
    hurried_margin_s: float = HURRIED_MARGIN_S

    async def read(self, audio: Audio, request: ReadRequest, mode: ReadMode = _ALONE) -> ReadResult:
        """The words of a window behind its prefix; none if nobody speaks."""
        is_hurried = mode.is_hurried and request.kind == "partial"
        margin_s = self.hurried_margin_s if is_hurried else self.margins_s[request.kind]
        n_frames = _n_frames(request, margin_s, mode.frames_step)
        await audio.encode(n_frames)
        language = await self._language(audio, request)
        start = await self._start(language)
        attempts = [_GREEDY] if is_hurried else self._attempts(request.kind)
        found = await self._found(audio, start, request, language.code, n_frames, attempts)
        if request.kind == "final" and n_frames < MAX_FRAMES and goes_astray(found, request.end_s):
            await audio.encode(MAX_FRAMES)
            again = await self._found(
                audio, start, request, language.code, MAX_FRAMES, attempts[:1]
            )
            found = max(again, found, key=lambda words: n_plausible(words, request.end_s))
        return ReadResult(found, language)

    async def _found(
        self,
        audio: Audio,
        start: Prompt,
        request: ReadRequest,
        language: str,
        n_frames: int,
        attempts: Sequence[_Attempt],
    ) -> tuple[LiveWord, ...]:
        """The words behind the prefix, read from states of so many frames."""
        hypothesis = await self._decoded(audio, start, request, n_frames, attempts)
        ids = _text(hypothesis.ids, self.vocabulary)
        if len(ids) <= len(request.prefix) or self._is_nothing(ids, hypothesis, request):
            return ()
        aligned = hypothesis.aligned or await audio.align(start, ids, _n_align_frames(request))
        # Some milliseconds of numpy on small arrays, which the event loop need not wait for.
        return await asyncio.to_thread(self._words, request, ids, aligned, language)

    async def _language(self, audio: Audio, request: ReadRequest) -> Language:
        if request.language is not None:
            return Language(request.language)
        if not self.vocabulary.multilingual:
            return Language("en")
        return await audio.detect_language(self.vocabulary, self.options.languages)

    async def _start(self, language: Language) -> Prompt:
        """The prompt up to where it says whether there are timestamps."""
        options = replace(self.options, task="transcribe", prefix=None)
        if options.prompt or options.keywords:  # up to ten milliseconds, not for the event loop
            return await asyncio.to_thread(
                prompting.prompt, self.vocabulary, options, language.code
            )
        return prompting.prompt(self.vocabulary, options, language.code)

    async def _decoded(
        self,
        audio: Audio,
        start: Prompt,
        request: ReadRequest,
        n_frames: int,
        attempts: Sequence[_Attempt],
    ) -> Hypothesis:
        """The text of the whole window, prefix included: of the last attempt that was needed."""
        draft = request.draft if request.kind == "partial" else ()
        ids = (*start.ids, self.vocabulary.no_timestamps)
        prompt = start._replace(ids=ids, prefix=request.prefix, draft=draft)
        n_prefix = len(request.prefix)
        for attempt in attempts:
            settings = self._settings(attempt, request, n_frames)
            hypothesis = await audio.decode(
                prompt, settings, n_align_frames=_n_align_frames(request)
            )
            text = self.vocabulary.decode(_text(hypothesis.ids, self.vocabulary)[n_prefix:])
            is_loop = hypothesis.is_loop or self._repeats(text)
            if not is_loop and hypothesis.avg_logprob >= attempt.min_avg_logprob:
                break
        return hypothesis

    def _is_nothing(
        self, ids: tuple[int, ...], hypothesis: Hypothesis, request: ReadRequest
    ) -> bool:
        """Whether nobody speaks behind the prefix, or at all."""
        is_empty = not self.vocabulary.decode(ids[len(request.prefix) :]).strip()
        return is_empty or (not request.prefix and self._is_silence(hypothesis))

    def _attempts(self, kind: Kind) -> Sequence[_Attempt]:
        """Searches to make in turn; the next one also where the text of one loops."""
        options = self.options
        if options.decoding == "fast" or options.temperature > 0:
            return [_GREEDY]
        if kind == "partial":  # once: what is doubtful will be read again anyway
            return [_Attempt(options.beam_size if options.decoding == "accurate" else 1)]
        if options.decoding == "balanced":
            first = _Attempt(1, SURE_AVG_LOGPROB, stops_on_loops=True)
            return [first, _Attempt(options.beam_size)]
        return [_Attempt(options.beam_size, stops_on_loops=True), _GREEDY]

    def _repeats(self, text: str) -> bool:
        return compression_ratio(text) > self.thresholds.max_compression_ratio

    def _settings(self, attempt: _Attempt, request: ReadRequest, n_frames: int) -> DecodeSettings:
        options = self.options
        return DecodeSettings(
            beam_size=attempt.beam_size,
            temperature=0.0 if request.kind == "partial" else options.temperature,
            max_new_tokens=_max_new_tokens(len(request.prefix), n_frames),
            patience=options.patience if attempt.beam_size > 1 else 1.0,
            suppress_tokens=prompting.suppressed(self.vocabulary, options.suppress_tokens),
            stops_on_loops=attempt.stops_on_loops,
            trims_loops=request.kind == "partial",
        )

    def _is_silence(self, hypothesis: Hypothesis) -> bool:
        """The rule of `auricle.reading.fallback.is_silence`."""
        most = self.thresholds.max_no_speech_prob
        over = hypothesis.no_speech_prob - most
        share = over / (1.0 - most) if most < 1.0 else 0.0
        return over > 0 and hypothesis.avg_logprob < self.thresholds.min_avg_logprob * (1.0 - share)

    def _words(
        self, request: ReadRequest, ids: Sequence[int], aligned: Aligned, language: str
    ) -> tuple[LiveWord, ...]:
        """The words behind the prefix."""
        n_prefix = len(request.prefix)
        raws = [self.vocabulary.decode_bytes([i]) for i in ids]
        before = words.split(raws[:n_prefix], language)
        new = [
            replace(word, first=word.first + n_prefix, end=word.end + n_prefix)
            for word in words.split(raws[n_prefix:], language)
        ]
        edges_s = alignment.edges(aligned.path, [*(w.first for w in [*before, *new]), len(ids)])
        levels = alignment.loudness(request.pcm)
        spans = alignment.spans(edges_s, levels, _duration_s(request), self.late_s)
        probabilities = np.maximum(aligned.probabilities, MIN_PROBABILITY)
        timed = [
            LiveWord(
                text=word.text,
                start_s=round(request.start_s + span.start_s, 3),
                end_s=round(request.start_s + span.end_s, 3),
                probability=float(probabilities[word.first : word.end].mean()),
                tokens=tuple(
                    Token(ids[i], raws[i], math.log(probabilities[i]))
                    for i in range(word.first, word.end)
                ),
            )
            for word, span in zip(new, spans[len(before) :], strict=True)
        ]
        if n_prefix and timed and not any(c.isalnum() for c in timed[0].text):
            del timed[0]  # a mark that belongs to a word committed without it
        return tuple(timed)


def _text(ids: Sequence[int], vocabulary: Vocabulary) -> tuple[int, ...]:
    return tuple(i for i in ids if i < vocabulary.eot)


def _n_align_frames(request: ReadRequest) -> int:
    """Mel frames that words are looked for in."""
    return max(2, int(_duration_s(request) * FRAMES_PER_S))


def _duration_s(request: ReadRequest) -> float:
    return len(request.pcm) / SAMPLE_RATE


def _n_frames(request: ReadRequest, margin_s: float, step: int) -> int:
    wanted = (_duration_s(request) + margin_s) * FRAMES_PER_S
    return min(MAX_FRAMES, _stepped(wanted, step))


def _max_new_tokens(n_prefix: int, n_frames: int) -> int:
    """For windows of one length the same, unless the prefix is longer than anybody speaks."""
    at_most = MIN_TOKENS + TOKENS_PER_S * n_frames / FRAMES_PER_S
    return min(MAX_NEW_TOKENS, _stepped(max(at_most, n_prefix + MIN_TOKENS), TOKENS_STEP))


def _stepped(value: float, step: int) -> int:
    """The least multiple of ``step`` that is not below."""
    return math.ceil(value / step) * step
