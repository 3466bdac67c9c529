"""Reads what a live session asks for with a model in this process, and says what that costs.

Knows nothing about sessions or clocks.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from auricle.config import Settings
from auricle.engine import machine

machine.keep_freed_memory()

import ctranslate2  # noqa: E402  # the allocator must be told before it is loaded

from auricle.live.effects import Hypothesis, LiveWord, ReadRequest  # noqa: E402
from auricle.models.fetch import locate  # noqa: E402
from auricle.types import SAMPLE_RATE, Language, Pcm, Token  # noqa: E402
from auricle.whisper import alignment, mel, prompting, words  # noqa: E402
from auricle.whisper.dimensions import FRAMES_PER_S, MAX_FRAMES  # noqa: E402

MAX_LENGTH = 448
"""Positions of the decoder; CTranslate2 generates at most half of it."""

LOOPING = 2.4
"""The compression ratio of a text that repeats itself, as in openai-whisper."""

OFFLINE_MARGIN_S = 10.0

LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True)
class Reading:
    """How requests are read: what is tuned besides a session's own options."""

    partial_margin_s: float = 3.0
    """Silence behind the audio."""
    final_margin_s: float = 5.0
    beam_size: int = 5
    """Of a final reading; partial ones are greedy."""
    tokens_per_s: float = 14.0
    """More than anybody says: what a decoder gone astray costs at most."""
    tells_context: bool = False
    """Whether the text before a window is the model's prompt."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds of one request. All cores can share the encoder's part."""

    encode_s: float
    decode_s: float


class Engine:
    """A model on one core."""

    def __init__(self, name: str, reading: Reading) -> None:
        found = locate(name, Settings())
        self.reading = reading
        self._model = ctranslate2.models.Whisper(
            str(found.path), device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
        )
        self._vocabulary = found.vocabulary
        self._late_s = found.late_s

    def read(self, request: ReadRequest) -> tuple[Hypothesis, Cost]:
        """What a session takes for an answer, and what it cost."""
        is_final = request.kind == "final"
        margin_s = self.reading.final_margin_s if is_final else self.reading.partial_margin_s
        return self._read(request, margin_s)

    def read_whole(self, pcm: Pcm, language: str) -> str:
        """The text of a clip of up to 28 s read at once, as a file is."""
        end_s = len(pcm) / SAMPLE_RATE
        request = ReadRequest(0, 0, "final", 0.0, end_s, pcm, (), (), "", language)
        answer, _ = self._read(request, OFFLINE_MARGIN_S)
        return "".join(word.text for word in answer.words)

    def _read(self, request: ReadRequest, margin_s: float) -> tuple[Hypothesis, Cost]:
        began_s = time.process_time()
        states = self._encoded(request.pcm, margin_s)
        encoded_s = time.process_time()
        language = self._language(states, request.language)
        start = self._start(request, language.code)
        ids = self._generated(states, start, request)
        found = self._words(states, start, request, ids, language.code) if ids else ()
        return Hypothesis(found, language), Cost(
            encoded_s - began_s, time.process_time() - encoded_s
        )

    def _encoded(self, pcm: Pcm, margin_s: float) -> Any:
        wanted_s = len(pcm) / SAMPLE_RATE + margin_s
        n_frames = min(MAX_FRAMES, 2 * math.ceil(wanted_s * FRAMES_PER_S / 2))
        features = mel.log_mel(pcm, self._model.n_mels, n_frames)
        return self._model.encode(ctranslate2.StorageView.from_array(features[None]), True)

    def _language(self, states: Any, given: str | None) -> Language:
        if given is not None or not self._model.is_multilingual:
            return Language(given or "en")
        [found] = self._model.detect_language(states)
        return prompting.likeliest(self._vocabulary, found, ())

    def _start(self, request: ReadRequest, language: str) -> list[int]:
        vocabulary = self._vocabulary
        before: Sequence[int] = ()
        if self.reading.tells_context:
            before = prompting.context(vocabulary, request.context, ())
        start = [*before, vocabulary.sot]
        if self._model.is_multilingual:
            start += [vocabulary.languages[language], vocabulary.transcribe]
        return start

    def _generated(self, states: Any, start: list[int], request: ReadRequest) -> list[int]:
        """The tokens of the whole window, prefix included; none if nobody speaks in it."""
        n_prefix = len(request.prefix)
        n_most = n_prefix + 10 + round(self.reading.tokens_per_s * len(request.pcm) / SAMPLE_RATE)
        for beam_size in [self.reading.beam_size, 1] if request.kind == "final" else [1]:
            [result] = self._model.generate(
                states,
                [[*start, self._vocabulary.no_timestamps, *request.prefix]],
                beam_size=beam_size,
                max_length=min(MAX_LENGTH, 2 * n_most),
                return_scores=True,
                return_no_speech_prob=True,
            )
            ids = [i for i in result.sequences_ids[0] if i < self._vocabulary.eot]
            text = self._vocabulary.decode(ids[n_prefix:]).strip().encode()
            if not text or len(text) / len(zlib.compress(text)) <= LOOPING:
                break
        over = result.no_speech_prob - 0.6  # as in `auricle.scheduler.fallback.is_silence`
        is_silence = not n_prefix and over > 0 and result.scores[0] < over / 0.4 - 1.0
        return [] if is_silence or not text else ids

    def _words(
        self, states: Any, start: list[int], request: ReadRequest, ids: list[int], language: str
    ) -> tuple[LiveWord, ...]:
        """The words behind the prefix."""
        n_prefix = len(request.prefix)
        duration_s = len(request.pcm) / SAMPLE_RATE
        [found] = self._model.align(states, start, [ids], int(duration_s * FRAMES_PER_S))
        raws = [self._vocabulary.decode_bytes([i]) for i in ids]
        before = words.split(raws[:n_prefix], language)
        new = [
            replace(word, first=word.first + n_prefix, end=word.end + n_prefix)
            for word in words.split(raws[n_prefix:], language)
        ]
        firsts = [word.first for word in [*before, *new]]
        edges_s = alignment.edges(found.alignments, [*firsts, len(ids)])
        levels = alignment.loudness(request.pcm)
        spans = alignment.spans(edges_s, levels, duration_s, self._late_s)
        probabilities = np.maximum(found.text_token_probs, LEAST_PROBABILITY)
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
