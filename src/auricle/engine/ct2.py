"""A Whisper checkpoint in CTranslate2: windows in, encoder states kept, text and times out.

Knows nothing about queues or processes; any number of threads may call it, each on other windows.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.engine import machine
from auricle.engine.protocol import (
    Decoded,
    DecodeJob,
    DecodeRow,
    Encoded,
    EncodedWindow,
    EncodeJob,
    ModelInfo,
    WindowText,
)
from auricle.errors import ModelUnusable
from auricle.models import checkpoint
from auricle.types import Segment
from auricle.whisper import alignment, mel, prompting, tokens, word_timestamps
from auricle.whisper.vocabulary import Vocabulary

_MAX_LENGTH = 448
"""Positions of the decoder. CTranslate2 generates at most half of it: 224 tokens."""

_MAX_INITIAL_TIMESTAMP = 50
"""The first timestamp is at most 1 s into the window, as in openai-whisper."""

_ALIGN_ADDS = 2
"""Tokens CTranslate2 puts around the text it aligns: no-timestamps and end-of-text."""

_MIN_ALIGNED_FRAMES = 2
"""One state of the encoder."""

_NOISE = 0.5
"""At temperature 1, noise added to encoder states, as a share of their standard deviation."""


@dataclass(frozen=True, slots=True)
class _EncodedWindow:
    states: NDArray[Any]
    """``(1, n_frames / 2, width)``, the encoder's output."""
    prompt: tuple[int, ...]
    prefix: tuple[int, ...]
    levels: NDArray[np.float32]
    """How loud the audio is: see `alignment.loudness`."""
    seed: int
    """Of the audio."""

    def states_at(self, temperature: float) -> NDArray[Any]:
        """The states to decode from. CTranslate2 samples with a generator for each of its threads,
        which cannot be set between calls, so that the same audio came out differently from one
        request to the next. Above temperature 0 the states are disturbed instead, and decoded
        greedily; by the same noise for the same audio and temperature."""
        if temperature == 0:
            return self.states
        rng = np.random.default_rng((self.seed, round(1000 * temperature)))
        noise = rng.standard_normal(self.states.shape, np.float32)
        level = np.float32(_NOISE * temperature * self.states.std(dtype=np.float64))
        disturbed: NDArray[Any] = (self.states + level * noise).astype(self.states.dtype)
        return disturbed


class Whisper:
    """A loaded model and the encoder states it is asked to keep."""

    def __init__(self, path: Path, device: str, compute_type: str, threads: int) -> None:
        """Load the folder's weights.

        Raises:
            ModelUnusable: CTranslate2 cannot load them, or not on this device in this format.
        """
        import ctranslate2

        self._ctranslate2 = ctranslate2
        workers, threads_each = (1, 1) if device == "cuda" else machine.share_cores(threads)

        def load(workers: int, threads_each: int) -> Any:
            return ctranslate2.models.Whisper(
                os.fsencode(path),  # the name of a folder need not be UTF-8
                device=device,
                compute_type=_compute_type(compute_type, device),
                inter_threads=workers,
                intra_threads=threads_each,
            )

        try:
            self._model = load(workers, threads_each)
            self._wide = self._model
            if machine.is_worth_a_second(checkpoint.weights_bytes(path), workers):
                self._wide = load(1, workers * threads_each)
        except (RuntimeError, ValueError, MemoryError) as exc:
            raise ModelUnusable(f"cannot load {path} on {device} as {compute_type}: {exc}") from exc
        self._vocabulary = Vocabulary.load(path)
        self._late_s = alignment.lateness_s(checkpoint.alignment_heads(path))
        self._kept: dict[int, _EncodedWindow] = {}
        self.info = ModelInfo(
            languages=tuple(self._vocabulary.languages) if self._model.is_multilingual else ("en",),
            multilingual=self._model.is_multilingual,
            n_mels=self._model.n_mels,
            device=device,
            compute_type=self._model.compute_type,
            workers=workers,
        )

    def encode(self, job: EncodeJob) -> Encoded:
        """Compute and keep the encoder states of windows; detect languages when asked."""
        pcms = [np.frombuffer(row.pcm, np.float32) for row in job.rows]
        features = np.stack([mel.log_mel(pcm, self.info.n_mels, job.n_frames) for pcm in pcms])
        encoder = self._wide if job.is_alone else self._model
        states = encoder.encode(self._ctranslate2.StorageView.from_array(features), True)
        detects = self.info.multilingual and any(row.detect_language for row in job.rows)
        found = self._model.detect_language(states) if detects else []
        arrays = _array(states)
        answers = []
        for n, row in enumerate(job.rows):
            prompt = prompting.context(self._vocabulary, row.prompt, row.keywords)
            prefix = prompting.prefix(self._vocabulary, row.prefix)
            levels = alignment.loudness(pcms[n])
            self._kept[row.window_id] = _EncodedWindow(
                arrays[n : n + 1], prompt, prefix, levels, zlib.crc32(row.pcm)
            )
            language = None
            if found and row.detect_language:
                language = prompting.likeliest(self._vocabulary, found[n], row.languages)
            answers.append(EncodedWindow(n_prompt_tokens=len(prompt), language=language))
        return Encoded(tuple(answers))

    def decode(self, job: DecodeJob) -> Decoded:
        """Generate the text of encoded windows, one answer per row."""
        kept = [self._kept[row.window_id] for row in job.rows]
        states = np.concatenate([window.states_at(job.temperature) for window in kept])
        n_prompt_tokens = len(kept[0].prompt) if job.rows[0].is_guided else 0
        results = self._model.generate(
            self._ctranslate2.StorageView.from_array(states),
            [self._start(window, row) for window, row in zip(kept, job.rows, strict=True)],
            max_length=_max_length(job.max_new_tokens, n_prompt_tokens),
            suppress_tokens=prompting.suppressed(self._vocabulary, job.suppress_tokens),
            max_initial_timestamp_index=_MAX_INITIAL_TIMESTAMP,
            return_scores=True,
            return_no_speech_prob=True,
            beam_size=job.beam_size,
            patience=job.patience,
        )
        return Decoded(
            tuple(
                self._text(row, result, job) for row, result in zip(job.rows, results, strict=True)
            )
        )

    def release(self, window_ids: Sequence[int]) -> None:
        """Forget encoder states; unknown ids are fine (the encode job failed)."""
        for window_id in window_ids:
            self._kept.pop(window_id, None)

    def _start(self, window: _EncodedWindow, row: DecodeRow) -> list[int]:
        """What the decoder is given to go on from; the prefix is part of what it then returns."""
        vocabulary = self._vocabulary
        start = [*(window.prompt if row.is_guided else ()), vocabulary.sot]
        if self.info.multilingual:
            task = vocabulary.translate if row.task == "translate" else vocabulary.transcribe
            start += [vocabulary.languages[row.language or "en"], task]
        return [*start, *(window.prefix if row.is_guided else ())]

    def _text(self, row: DecodeRow, result: Any, job: DecodeJob) -> WindowText:
        ids = [i for i in result.sequences_ids[0] if i != self._vocabulary.eot]
        # CTranslate2 gives the mean over the tokens; Whisper also counts end-of-text.
        avg_logprob = result.scores[0] * len(ids) / (len(ids) + 1)
        pieces, resume_s = tokens.split(ids, self._vocabulary.first_timestamp, row.duration_s)
        texts = [self._vocabulary.decode(piece.ids).rstrip() for piece in pieces]
        quality = {
            "temperature": job.temperature,
            "avg_logprob": avg_logprob,
            "compression_ratio": compression_ratio("".join(texts)),
            "no_speech_prob": result.no_speech_prob,
        }
        segments = tuple(
            Segment(
                start_s=round(row.start_s + piece.start_s, 3),
                end_s=round(row.start_s + piece.end_s, 3),
                text=text,
                tokens=piece.ids,
                seek=round(row.start_s * mel.FRAMES_PER_S),
                language=row.language or "en",
                **quality,
            )
            for piece, text in zip(pieces, texts, strict=True)
            if text
        )
        if segments and (row.words or row.logprobs):
            segments = self._detailed(
                segments, row, row.duration_s if resume_s is None else resume_s
            )
        rest = None if resume_s is None else row.start_s + resume_s
        return WindowText(
            segments=segments,
            resume_s=rest,
            last_timestamp_s=row.start_s + pieces[-1].end_s if pieces else None,
            is_truncated=len(ids) >= job.max_new_tokens,
            overruns_audio=tokens.overruns_audio(
                ids, self._vocabulary.first_timestamp, row.duration_s
            ),
            **quality,
        )

    def _detailed(
        self, segments: tuple[Segment, ...], row: DecodeRow, duration_s: float
    ) -> tuple[Segment, ...]:
        """The segments with words and token probabilities, as the row asks. They are about the
        first ``duration_s`` of the window. One window at a time, so that company changes nothing.
        """
        window = self._kept[row.window_id]
        text_ids = [[i for i in each.tokens if i < self._vocabulary.eot] for each in segments]
        ids = [i for each in text_ids for i in each]
        start = self._start(window, row)
        start = start[: len(start) - len(window.prefix) * row.is_guided]  # the text begins with it
        n_frames = max(_MIN_ALIGNED_FRAMES, int(duration_s * mel.FRAMES_PER_S))
        [found] = self._model.align(
            self._ctranslate2.StorageView.from_array(window.states),
            start[-(_MAX_LENGTH - len(ids) - _ALIGN_ADDS) :],
            [ids],
            n_frames,
        )
        raws = [self._vocabulary.decode_bytes([i]) for i in ids]
        aligned = word_timestamps.Aligned(ids, raws, found.alignments, found.text_token_probs)
        counts = [len(each) for each in text_ids]
        detailed: Sequence[Segment] = segments
        if row.logprobs:
            detailed = word_timestamps.with_logprobs(detailed, counts, aligned)
        if row.words:
            language = "en" if row.task == "translate" else row.language or "en"
            place = word_timestamps.AlignedSpan(
                row.start_s, duration_s, window.levels, self._late_s, language
            )
            detailed = word_timestamps.with_words(detailed, counts, aligned, place)
        return tuple(detailed)


def compression_ratio(text: str) -> float:
    """How much zlib shrinks the text; above 2.4 it repeats itself (openai-whisper's measure)."""
    raw = text.strip().encode("utf-8")
    return len(raw) / len(zlib.compress(raw))


def _max_length(max_new_tokens: int, n_prompt_tokens: int) -> int:
    """CTranslate2 generates ``min(max_length / 2, max_length - n_prompt_tokens - 3)`` tokens."""
    wanted = max(2 * max_new_tokens, max_new_tokens + n_prompt_tokens + 3)
    return min(wanted, _MAX_LENGTH)


def _compute_type(wanted: str, device: str) -> str:
    if wanted != "auto":
        return wanted
    return "float16" if device == "cuda" else "int8"


def _array(states: Any) -> NDArray[Any]:
    """Encoder states as numpy, which has no bfloat16, so that windows can be batched."""
    if "bfloat16" in str(states.dtype):
        import ctranslate2

        states = states.to(ctranslate2.DataType.float32)
    return np.array(states)
