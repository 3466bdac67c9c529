"""What the engines make of the same windows: Auricle, openai-whisper and transformers.

Knows nothing about what has to be equal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import WhisperForConditionalGeneration
from transformers.generation import (
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    WhisperTimeStampLogitsProcessor,
)
from whisper.tokenizer import Tokenizer

import whisper
from auricle.engine.model import CTRANSLATE2, Library
from auricle.engine.process import EngineProcess
from auricle.engine.protocol import (
    AlignJob,
    DecodeJob,
    DecodeRow,
    DetectJob,
    EncodeJob,
    EncodeRow,
    Hypothesis,
    ReleaseJob,
)
from auricle.reading import encoder_length
from auricle.reading.text import AttemptInfo, from_tokens
from auricle.reading.word_times import AlignmentInput, detailed
from auricle.types import DecodeOptions, Language, Window
from auricle.whisper import prompting, tokens
from auricle.whisper.dimensions import MAX_FRAMES, MAX_NEW_TOKENS
from auricle.whisper.vocabulary import Vocabulary
from tests.parity.windows import SpokenWindow

_TOGETHER = 8
"""Windows decoded in one batch."""


@dataclass(frozen=True)
class Reading:
    """One window's transcript. Times are in seconds from the start of the window."""

    spans: tuple[tuple[float, float], ...]
    """The times of each segment."""
    tokens: tuple[int, ...]
    """Text and timestamps, up to where the model wants to be called again."""
    avg_logprob: float
    no_speech_prob: float
    language: Language | None = None
    logprobs: tuple[float, ...] = ()
    """Of every text token, as an alignment has it."""
    searched: tuple[int, ...] = ()
    """All that the search found."""
    search_logprobs: tuple[float, ...] = ()
    """Of each of these, where the engine tells."""


def auricle(
    folder: Path,
    windows: Sequence[SpokenWindow],
    *,
    compute_type: str = "float32",
    margin_s: float | None = None,
    library: Library = CTRANSLATE2,
) -> list[Reading]:
    """Greedy, over 30 s of context or each window's length and a margin, in an engine process."""
    return asyncio.run(_auricle(folder, windows, compute_type, margin_s, library))


async def _auricle(
    folder: Path,
    windows: Sequence[SpokenWindow],
    compute_type: str,
    margin_s: float | None,
    library: Library,
) -> list[Reading]:
    engine = await EngineProcess.start(
        folder, device="cpu", compute_type=compute_type, threads=1, library=library
    )
    vocabulary = Vocabulary.load(folder)
    readings = []
    for i, window in enumerate(windows):
        frames = MAX_FRAMES
        if margin_s is not None:
            frames = encoder_length.n_frames(window.duration_s, margin_s)
        await engine.encode(EncodeJob((EncodeRow(i, window.pcm.tobytes()),), frames))
        readings.append(await _ours(engine, vocabulary, i, window))
        await engine.release(ReleaseJob((i,)))
    await engine.close()
    return readings


async def _ours(
    engine: EngineProcess, vocabulary: Vocabulary, state_id: int, spoken: SpokenWindow
) -> Reading:
    """Of an encoded window."""
    language = None
    if vocabulary.multilingual:
        found = await engine.detect_language(DetectJob(state_id))
        language = prompting.likeliest(vocabulary, found.languages, ())
    row = DecodeRow(state_id, prompting.start(vocabulary, "transcribe", spoken.language))
    [said] = [reply async for reply in engine.decode(DecodeJob((row,), 1, 0.0))]
    assert isinstance(said, Hypothesis)
    window = Window(0, 0.0, spoken.pcm, ())
    text = from_tokens(said, window, vocabulary, AttemptInfo(0.0, MAX_NEW_TOKENS, spoken.language))
    details = AlignmentInput(text, window, vocabulary)
    aligned = await engine.align(AlignJob(state_id, row.prompt, details.ids, details.n_frames))
    segments = detailed(details, aligned, DecodeOptions(logprobs=True), None)
    return Reading(
        spans=tuple((segment.start_s, segment.end_s) for segment in segments),
        tokens=tuple(token for segment in segments for token in segment.tokens),
        avg_logprob=text.avg_logprob,
        no_speech_prob=text.no_speech_prob,
        language=language,
        logprobs=tuple(token.logprob for each in segments for token in each.logprobs or ()),
        searched=said.ids,
        search_logprobs=said.logprobs,
    )


def features(window: SpokenWindow) -> torch.Tensor:
    """openai-whisper's own features, not ours: ``(n_mels, 3000)``."""
    return whisper.log_mel_spectrogram(whisper.pad_or_trim(torch.tensor(window.pcm)))


@torch.no_grad()
def encode_openai(model: whisper.Whisper, windows: Sequence[SpokenWindow]) -> torch.Tensor:
    """Encoder states of openai-whisper, ``(n_windows, 1500, width)``."""
    return torch.cat([model.encoder(features(window)[None]) for window in windows])


@torch.no_grad()
def openai(
    model: whisper.Whisper,
    vocabulary: Vocabulary,
    windows: Sequence[SpokenWindow],
    states: torch.Tensor,
) -> list[Reading]:
    """Greedy with timestamps, as its ``transcribe`` calls it."""
    readings: dict[int, Reading] = {}
    for language in {window.language for window in windows}:
        spoken = [i for i, window in enumerate(windows) if window.language == language]
        spoken.sort(key=lambda i: windows[i].duration_s)  # a batch takes as long as its longest
        for ids in _batches(spoken):
            options = whisper.DecodingOptions(language=language, fp16=False)
            for i, result in zip(ids, whisper.decode(model, states[ids], options), strict=True):
                spans, kept = kept_tokens(result.tokens, windows[i], vocabulary)
                readings[i] = Reading(spans, kept, result.avg_logprob, result.no_speech_prob)
    return [readings[i] for i in range(len(windows))]


def kept_tokens(
    ids: Sequence[int], window: SpokenWindow, vocabulary: Vocabulary
) -> tuple[tuple[tuple[float, float], ...], tuple[int, ...]]:
    """Times and tokens of the segments in what a model generated."""
    pieces, _ = tokens.split(ids, vocabulary.first_timestamp, window.duration_s)
    pieces = [piece for piece in pieces if vocabulary.decode(piece.ids).strip()]
    spans = tuple((round(piece.start_s, 3), round(piece.end_s, 3)) for piece in pieces)
    return spans, tuple(i for piece in pieces for i in piece.ids)


@torch.no_grad()
def detect_openai(model: whisper.Whisper, states: torch.Tensor) -> list[dict[str, float]]:
    """The probability of every language, for each window."""
    _, found = whisper.detect_language(model, states)
    return list(found)


@torch.no_grad()
def transformers_choices(
    model: WhisperForConditionalGeneration,
    vocabulary: Vocabulary,
    window: SpokenWindow,
    said: Sequence[int],
) -> tuple[int, ...]:
    """The token transformers chooses greedily behind each beginning of ``said``, in one pass: its
    ``generate`` goes on through the silence behind the speech, window by window. With the same
    choice everywhere it says the same."""
    start = [vocabulary.sot]
    if vocabulary.multilingual:
        start += [vocabulary.languages[window.language], vocabulary.transcribe]
    ids = torch.tensor([[*start, *said]])
    logits = model(input_features=features(window)[None], decoder_input_ids=ids).logits[0]
    config = model.generation_config
    rules = (
        SuppressTokensAtBeginLogitsProcessor(config.begin_suppress_tokens, len(start)),
        SuppressTokensLogitsProcessor(config.suppress_tokens),
        WhisperTimeStampLogitsProcessor(config, begin_index=len(start)),
    )
    chosen = []
    for n in range(len(start), len(start) + len(said)):
        scores = logits[n - 1 : n]
        for rule in rules:
            scores = rule(ids[:, :n], scores)
        chosen.append(int(scores.argmax()))
    return tuple(chosen)


@torch.no_grad()
def token_logprobs(
    model: whisper.Whisper, tokenizer: Tokenizer, text: Sequence[int], states: torch.Tensor
) -> list[float]:
    """Of each text token, as openai-whisper's ``find_alignment`` works out probabilities."""
    start = tokenizer.sot_sequence
    ids = torch.tensor([[*start, tokenizer.no_timestamps, *text, tokenizer.eot]])
    logits = model.decoder(ids, states[None])[0, len(start) : -2, : tokenizer.eot]
    chosen: list[float] = logits.log_softmax(dim=-1)[range(len(text)), list(text)].tolist()
    return chosen


@torch.no_grad()
def search_logprobs(
    model: whisper.Whisper, language: str, said: Sequence[int], states: torch.Tensor
) -> list[float]:
    """Of each token that a search found, as openai-whisper's ``DecodingTask`` has it: all in one
    pass, and behind each beginning what its filters leave."""
    options = whisper.DecodingOptions(language=language, fp16=False)
    task = whisper.decoding.DecodingTask(model, options)
    ids = torch.tensor([[*task.initial_tokens, *said]])
    logits = model.decoder(ids, states[None])[0]
    found = []
    for n in range(task.sample_begin, ids.shape[1]):
        left = logits[n - 1 : n].clone()
        for rule in task.logit_filters:
            rule.apply(left, ids[:, :n])
        found.append(float(left.log_softmax(dim=-1)[0, ids[0, n]]))
    return found


def _batches(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[first : first + _TOGETHER] for first in range(0, len(ids), _TOGETHER))
