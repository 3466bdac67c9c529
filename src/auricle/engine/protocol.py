"""What an engine is to the rest of Auricle: audio is encoded, and encoded audio decoded.

Knows nothing about windows, text, processes, queues or CTranslate2: audio and token ids go in,
token ids and figures come out. The queue decides what runs when; an engine runs what it is given.
Messages are structs, so that an engine may live in another process.

Why it is so: docs/decisions.md, Structure.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from auricle.whisper.keywords import ExpectedTokens


class ModelInfo(msgspec.Struct, frozen=True, tag=True):
    """How a model was loaded."""

    n_mels: int
    device: str
    compute_type: str
    workers: int
    """How many calls it answers at the same time; the queue never makes more."""
    library: str = "ctranslate2"
    """What computes."""
    shares_windows: bool = False
    """Whether all beams of a window read its states together, so that more beams cost little."""
    mixes_prompts: bool = False
    """Whether it decodes rows together whose prompts are of different lengths."""


class EncodeRow(msgspec.Struct, frozen=True):
    """The audio of one window."""

    state_id: int
    """What the encoder states are known by from then on."""
    pcm: bytes
    """``(n_samples,) float32`` little-endian, 16 kHz mono, no longer than the job's frames."""


class EncodeJob(msgspec.Struct, frozen=True, tag=True):
    """Turn audio into encoder states, kept by the engine until they are released. Where it keeps
    them is its own business."""

    rows: tuple[EncodeRow, ...]
    n_frames: int
    """Mel frames of 10 ms the encoder sees: the audio, then silence. At most 3000."""
    is_alone: bool = False
    """Nothing else is to be done now: all cores may work on it. The states are the same."""


class Encoded(msgspec.Struct, frozen=True, tag=True):
    """The states are ready."""


class DetectJob(msgspec.Struct, frozen=True, tag=True):
    """Ask in which language somebody speaks in encoded audio; only of a multilingual model."""

    state_id: int


class Detected(msgspec.Struct, frozen=True, tag=True):
    """Language tokens such as ``<|en|>`` with their probabilities, which add up to 1, the most
    probable first."""

    languages: tuple[tuple[str, float], ...]


class DecodeRow(msgspec.Struct, frozen=True):
    """One window's encoder states and what its text begins with."""

    state_id: int
    prompt: tuple[int, ...]
    """Token ids before the text: of the text before, if any, then ``<|startoftranscript|>``, and
    language and task where the model takes them."""
    prefix: tuple[int, ...] = ()
    """Token ids the text begins with, a timestamp first. They are part of the answer."""
    seed: int = 0
    """What chance is drawn from above temperature 0: equal rows have equal answers."""
    is_streamed: bool = False
    """Whether its text is wanted while it grows, where the engine tells."""
    draft: tuple[int, ...] = ()
    """How it probably goes on behind the prefix, such as what was read of its audio before. An
    engine that can looks at all of it at once when it decodes greedily; the answer is the same."""
    n_align_frames: int = 0
    """Above 0, its text is to be aligned with so many mel frames, as by `AlignJob`: an engine that
    can does so on the way. Probabilities are then those behind the timestamps of the text, and 1
    for what was given."""
    expected: tuple[ExpectedTokens, ...] = ()
    """What may well come up in its text: an engine that can finds it more easily."""


class DecodeJob(msgspec.Struct, frozen=True, tag=True):
    """Generate text of encoded windows whose frames are equal, and the lengths of their prompts
    unless the engine ``mixes_prompts``."""

    rows: tuple[DecodeRow, ...]
    beam_size: int
    temperature: float
    max_new_tokens: int = 224
    """Where a row that does not end by itself is cut; at most 224, half of Whisper's positions."""
    patience: float = 1.0
    suppress_tokens: tuple[int, ...] = (-1,)
    """Text tokens never generated; -1 stands for the model's own list."""
    n_best: int = 1
    """How many of the texts that a search ends with are wanted; at most ``beam_size``."""
    stops_on_loops: bool = False
    """Whether a search may stop where its text repeats itself on and on, which an engine that can
    does."""
    trims_loops: bool = False
    """Whether such a text is cut behind the first time instead, much sooner."""


class Tokens(msgspec.Struct, frozen=True, tag=True):
    """The beginning of a row that is still being decoded, where the engine tells. The text tokens
    stay, and more follow; timestamps among them may yet change. Where an engine died and the row is
    decoded anew it may come out otherwise."""

    state_id: int
    ids: tuple[int, ...]
    """All of it so far, the prefix included."""
    avg_logprob: float
    """Mean log-probability of these."""
    no_speech_prob: float
    logprobs: tuple[float, ...] = ()
    """As of `Hypothesis`."""


class Stepped(msgspec.Struct, frozen=True, tag=True):
    """A call is getting on: told every few seconds where nothing else is."""


class Alternative(msgspec.Struct, frozen=True):
    """Another text that a search ended with."""

    ids: tuple[int, ...]
    avg_logprob: float
    logprobs: tuple[float, ...] = ()
    """As of `Hypothesis`."""
    bonus: float = 0.0
    """As of `Hypothesis`."""


class Aligned(msgspec.Struct, frozen=True, tag=True):
    """How the decoder's attention moves through the audio while it reads the tokens."""

    path: tuple[tuple[int, int], ...]
    """Steps of ``(token, state)``; the token behind the last one stands for the end of the text.
    A state is 0.02 s."""
    probabilities: tuple[float, ...]
    """Of each token."""


class Hypothesis(msgspec.Struct, frozen=True, tag=True):
    """What a row says: the last that is heard of it."""

    state_id: int
    ids: tuple[int, ...]
    """Tokens of text and timestamps, the prefix included, without end-of-text."""
    avg_logprob: float
    """Mean log-probability of these and end-of-text, as in openai-whisper's ``DecodingResult``."""
    no_speech_prob: float
    others: tuple[Alternative, ...] = ()
    """The next best texts, where they are wanted and the engine has them."""
    is_loop: bool = False
    """The search stopped where the text repeated itself."""
    aligned: Aligned | None = None
    """Where that was wanted and could be done on the way."""
    logprobs: tuple[float, ...] = ()
    """Of each of the ids, among all that the rules allow behind the ones before it, as in
    openai-whisper's decoding; 0 of what was given. Empty where the engine does not tell."""
    bonus: float = 0.0
    """What the expected terms in it were worth to the search, beside ``avg_logprob`` and as a mean
    like it."""


class Decoded(msgspec.Struct, frozen=True, tag=True):
    """Every row that is still wanted was answered."""


class AlignJob(msgspec.Struct, frozen=True, tag=True):
    """Find out when, and how probably, tokens are said. One window at a time, so that company
    changes nothing."""

    state_id: int
    prompt: tuple[int, ...]
    """As of `DecodeRow`."""
    ids: tuple[int, ...]
    """Tokens of text alone."""
    n_frames: int
    """Mel frames the text is about, at least 2: attention to what lies behind them does not
    count."""


class ReleaseJob(msgspec.Struct, frozen=True, tag=True):
    """Let go of encoder states that nobody needs any more. Needs no worker. What is being made of
    them is no longer wanted either: an engine that can, stops it and leaves the row unanswered."""

    state_ids: tuple[int, ...]


class EngineDied(Exception):
    """The engine is gone with all its encoder states. The message says how it ended."""


class Engine(Protocol):
    """Answers calls; at most ``info.workers`` at a time. All methods are for the event loop.

    Every method but `close` raises `EngineDied` when the engine is gone; the caller starts
    another and encodes its windows again. Other errors concern only the call they answer.
    """

    @property
    def info(self) -> ModelInfo: ...

    async def encode(self, job: EncodeJob) -> None: ...

    async def detect_language(self, job: DetectJob) -> Detected: ...

    def decode(self, job: DecodeJob) -> AsyncGenerator[Tokens | Hypothesis, None]:
        """Rows are answered as they end, in any order; before that come tokens of those that are
        to be told."""
        ...

    async def align(self, job: AlignJob) -> Aligned: ...

    async def release(self, job: ReleaseJob) -> None: ...

    async def close(self) -> None: ...
