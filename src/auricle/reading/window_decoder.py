"""Finds the text of one window: one attempt after another, until one makes sense.

Knows nothing about what the text leaves unread. When to go on is decided in `fallback`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

import msgspec

from auricle.engine.protocol import Alternative, Hypothesis, Tokens
from auricle.reading import (
    early_text,
    encoder_length,
    fallback,
    prompt_echo,
    short_speech,
    word_times,
)
from auricle.reading.early_text import EarlyText, Given
from auricle.reading.encoded import EncodedWindow
from auricle.reading.fallback import Attempt
from auricle.reading.jobs import DecodeSettings
from auricle.reading.model import ReadingModel
from auricle.reading.text import AttemptInfo, WindowText, from_tokens, tokens_of
from auricle.types import DecodeOptions
from auricle.whisper import prompting
from auricle.whisper.dimensions import MAX_FRAMES
from auricle.whisper.prompting import Prompt

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WindowDecoder:
    """Decodes an encoded window after a prompt."""

    model: ReadingModel
    options: DecodeOptions
    language: str
    encoded: EncodedWindow
    prompt: Prompt
    early: EarlyText | None = None
    """Where words are given out before the text is found."""
    divides: bool = False
    """Whether a window that loops is going to be read in two parts: no chance is tried then."""

    async def best(self) -> WindowText:
        """The best text of as many attempts as it takes."""
        window, thresholds = self.encoded.window, self.model.thresholds
        if self._is_short and not short_speech.is_scrap(window):
            thresholds = replace(thresholds, max_no_speech_prob=1.0)
        no_vad_speech = window.speech_s == 0.0
        ladder = self._ladder()
        made: list[Attempt] = []
        tried: list[WindowText] = []
        for step, attempt in enumerate(ladder):
            if attempt.is_full and not self.encoded.is_full:
                made.clear()  # what was heard with too little context counts for nothing
                tried.clear()
            text = await self._attempt(attempt)
            made.append(attempt)
            tried.append(text)
            if self._given:  # what somebody has read is no silence
                thresholds, no_vad_speech = replace(thresholds, max_no_speech_prob=1.0), False
            is_last = (
                not fallback.is_doubtful(text, attempt, thresholds, no_vad_speech=no_vad_speech)
                or not fallback.is_worth_retrying(ladder, step, text, thresholds)
                or (self._will_divide(text) and ladder[step + 1].temperature > 0)
            )
            self._note(attempt, text, is_last=is_last)
            if is_last:
                break
            self.model.observer.count("windows_read_again", why="doubtful")
        if not ladder[0].is_full:
            self.model.read_again.n_short += 1
            self.model.read_again.n_again += self.encoded.is_full
        going_on = [text for text in tried if text.text.startswith(self._given)]
        text = fallback.choose(going_on or tried, thresholds, no_vad_speech=no_vad_speech)
        if text.is_loop and text.segments and not self._will_divide(text):
            # it may indeed be said so often
            text = await self._attempt(made[tried.index(text)], stops_on_loops=False)
            text = fallback.choose([text], thresholds, no_vad_speech=no_vad_speech)
        return text

    async def first(self) -> WindowText:
        """The text of one attempt, whatever it is like."""
        return await self._attempt(self._ladder()[0])

    def without_prompt(self) -> WindowDecoder:
        """The same, after no prompt. What should not be said should not be said then, either."""
        ids = prompting.start(self.model.vocabulary, self.options.task, self.language)
        unwanted = tuple(each for each in self.prompt.expected if each.boost < 0)
        return replace(self, prompt=Prompt(ids, expected=unwanted))

    async def with_details(self, text: WindowText) -> WindowText:
        """The text with word times and token probabilities, if these are asked for."""
        options = self.options
        if not text.segments or not (options.words or options.logprobs):
            return text
        text = self._begun(text)
        if options.words or any(each.logprobs is None for each in text.segments):
            unaligned = word_times.AlignmentInput(text, self.encoded.window, self.model.vocabulary)
            aligned = await self.encoded.align(self.prompt, unaligned.ids, unaligned.n_frames)
            # Some milliseconds of numpy on small arrays, which the event loop need not wait for.
            segments = await asyncio.to_thread(
                word_times.detailed, unaligned, aligned, options, self.model.late_s
            )
            text = self._begun(msgspec.structs.replace(text, segments=segments))
        return text

    def _begun(self, text: WindowText) -> WindowText:
        """The text with those log-probabilities that were given out."""
        given = Given() if self.early is None else self.early.given
        return msgspec.structs.replace(text, segments=given.beginning(text.segments))

    @property
    def _n_align_frames(self) -> int:
        """Frames in which words are placed while they are found."""
        return word_times.n_frames(self.encoded.window.duration_s) if self.options.words else 0

    def _will_divide(self, text: WindowText) -> bool:
        is_loop = fallback.is_looping(text, self.model.thresholds)
        return self.divides and is_loop and not self._given

    @property
    def _given(self) -> str:
        """What was given out."""
        return "" if self.early is None else self.early.given.text

    @property
    def _is_short(self) -> bool:
        return not self._given and short_speech.is_short(self.encoded.window, self.options)

    def _ladder(self) -> tuple[Attempt, ...]:
        """The attempts; they begin with less than the full length unless that was taken already."""
        n_frames = self.model.n_frames(self.encoded.window, self.options)
        is_short = n_frames < MAX_FRAMES and not self.encoded.is_full
        return fallback.ladder(self.options, is_short=is_short, thresholds=self.model.thresholds)

    async def _attempt(self, attempt: Attempt, *, stops_on_loops: bool = True) -> WindowText:
        model, options, window = self.model, self.options, self.encoded.window
        n_frames = MAX_FRAMES if attempt.is_full else model.n_frames(window, options)
        await self.encoded.encode(n_frames)
        searches = attempt.beam_size > 1 and attempt.temperature == 0
        most = encoder_length.max_new_tokens(n_frames, model.margin_s)
        settings = DecodeSettings(
            beam_size=attempt.beam_size,
            temperature=attempt.temperature,
            max_new_tokens=min(most, short_speech.MAX_NEW_TOKENS) if self._is_short else most,
            patience=options.patience if searches else 1.0,
            suppress_tokens=prompting.suppressed(model.vocabulary, options.suppress_tokens),
            n_best=short_speech.N_BEST if self._is_short and searches else 1,
            stops_on_loops=stops_on_loops,
        )
        wants_logprobs = options.words or options.logprobs
        info = AttemptInfo(
            attempt.temperature,
            settings.max_new_tokens,
            self.language,
            has_logprobs=wants_logprobs and not self.prompt.prefix,  # of one there are none
        )
        if self._is_short:
            return await self._short_text(settings, info)
        hypothesis = await self._decoded(settings, attempt)
        if hypothesis.aligned is not None:
            text = tuple(i for i in hypothesis.ids if i < model.vocabulary.eot)
            self.encoded.aligned[text, self._n_align_frames] = hypothesis.aligned
        return from_tokens(hypothesis, window, model.vocabulary, info)

    async def _decoded(self, settings: DecodeSettings, attempt: Attempt) -> Hypothesis:
        """What is said, going on from what was given out, and giving out more."""
        model, window, early = self.model, self.encoded.window, self.early
        if early is None:
            n_align_frames = 0 if self.prompt.prefix else self._n_align_frames
            return await self.encoded.decode(self.prompt, settings, n_align_frames=n_align_frames)

        def on_tokens(reply: Tokens) -> None:
            if self.options.logprobs and not reply.logprobs:
                return
            if early_text.is_sure(reply, attempt, model.thresholds, window, model.vocabulary):
                ids, text = early_text.whole_words(reply.ids, model.vocabulary, self.language)
                if prompt_echo.is_begun(text, self.options):
                    early.grow(ids, text, tokens_of(ids, reply.logprobs, model.vocabulary))

        while True:
            ids = early.given.ids
            prompt = self.prompt._replace(prefix=ids) if ids else self.prompt
            n_align_frames = 0 if prompt.prefix else self._n_align_frames
            hypothesis = await self.encoded.decode(prompt, settings, on_tokens, n_align_frames)
            if prompt.prefix or early.begins(hypothesis.ids, model.vocabulary):
                return hypothesis
            # the engine died on the way, and another one hears it otherwise

    async def _short_text(self, settings: DecodeSettings, info: AttemptInfo) -> WindowText:
        """The text of a window in which little is said, of the likeliest ones."""
        window, vocabulary = self.encoded.window, self.model.vocabulary
        ids = (*self.prompt.ids, vocabulary.no_timestamps)
        prompt = Prompt(ids, expected=self.prompt.expected)
        best = await self.encoded.decode(prompt, settings)
        found: tuple[Hypothesis | Alternative, ...] = (best, *best.others)
        texts = [
            from_tokens(
                msgspec.structs.replace(
                    best,
                    ids=short_speech.timed(said.ids, vocabulary.first_timestamp, window),
                    avg_logprob=said.avg_logprob,
                    is_loop=best.is_loop and said is best,
                    logprobs=said.logprobs and (0.0, *said.logprobs, 0.0),
                ),
                window,
                vocabulary,
                info,
            )
            for said in found
        ]
        return short_speech.choose(texts, window, [said.bonus for said in found])

    def _note(self, attempt: Attempt, text: WindowText, *, is_last: bool) -> None:
        """How one attempt came out. What was said is nobody's business but the client's."""
        window = self.encoded.window
        _log.debug(
            "%.2f to %.2f s: beam %d, temperature %g, %d frames: log-probability %.2f, "
            "compression %.2f, no speech %.2f%s",
            window.start_s,
            window.end_s,
            attempt.beam_size,
            attempt.temperature,
            self.encoded.n_frames,
            text.avg_logprob,
            text.compression_ratio,
            text.no_speech_prob,
            "" if is_last else "; read again",
        )
