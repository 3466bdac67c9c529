"""A Whisper checkpoint in OpenVINO, decoded by a loop of our own: the other `engine.model.Model`.

Knows nothing about queues or processes; any number of threads may call it, each on other
windows. What is kept of an encoded window are the keys and values that the decoder's layers see.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from auricle.decoding import job as decoding_job
from auricle.decoding import loop, rules, word_alignment
from auricle.decoding.attention import AttentionRecorder
from auricle.decoding.job import FinalText, PartialText
from auricle.decoding.network import Step, StepOutput
from auricle.decoding.rules import SpecialTokens
from auricle.engine import machine
from auricle.engine.openvino import compiled, decoder, encoder
from auricle.engine.openvino.compiled import Compiled, GraphFiles, Threads
from auricle.engine.openvino.formats import chosen
from auricle.engine.openvino.network import CrossAttention, OpenVinoNetwork, cross_attention
from auricle.engine.openvino.shape import Dimensions
from auricle.engine.protocol import (
    Aligned,
    AlignJob,
    Alternative,
    DecodeJob,
    DecodeRow,
    Detected,
    DetectJob,
    EncodeJob,
    Hypothesis,
    ModelInfo,
    Tokens,
)
from auricle.errors import LoadingFailed
from auricle.models import checkpoint
from auricle.models.model_config import read_config
from auricle.models.weights import Weights
from auricle.whisper import mel
from auricle.whisper.dimensions import FRAMES_PER_STATE, MAX_POSITIONS
from auricle.whisper.vocabulary import Vocabulary

_OWN_LIST = -1
"""Among tokens to suppress: the model's own list."""

_TOLD_AT_ONCE = 32
"""Tokens of a known text that are looked at in one step: for each there are logits of the whole
vocabulary, 200 kB, several times over."""


class OpenVinoWhisper:
    """A loaded model and the encoded windows it is asked to keep."""

    def __init__(self, path: Path, compute_type: str, threads: int, graphs: Path | None) -> None:
        """Make the folder's graphs, or take those that are kept in the folder ``graphs``.

        Raises:
            LoadingFailed: OpenVINO makes nothing of them, or there is no memory for it.
            ModelUnusable: the weights cannot be read, or not be computed with in this format.
        """
        self._formats = chosen(compute_type)
        self._vocabulary = Vocabulary.load(path)
        self._config = read_config(path)
        workers, threads_each = machine.share_cores(threads)
        self._compiled = GraphFiles()
        try:
            self._load(path, Threads(workers, workers * threads_each), graphs)
        except (RuntimeError, MemoryError, OSError) as exc:  # OpenVINO, numpy, mappings
            raise LoadingFailed(
                f"OpenVINO cannot load {path.name}: {str(exc) or 'no memory'}"
            ) from exc
        self._shared: dict[int, CrossAttention] = {}
        self.info = ModelInfo(
            n_mels=self._size.n_mels,
            device="cpu",
            compute_type=self._formats.name,
            workers=workers,
            library="openvino",
            shares_windows=True,
            mixes_prompts=True,
        )

    def _load(self, path: Path, threads: Threads, graphs: Path | None) -> None:
        weights = Weights(path / checkpoint.WEIGHTS)
        heads = tuple(self._config.alignment_heads or ())
        size = self._size = Dimensions.of(weights, self._vocabulary.eot, heads)
        formats = self._formats

        def graph(part: Any, name: str, threads: Threads) -> Compiled:
            kept = compiled.file_name(name, weights.path, size, formats)
            made = compiled.compiled(
                partial(part.build, weights, size, formats),
                bf16=formats.encoder_bf16 and part is encoder,
                remembers_f16=formats.remembered_f16,
                threads=threads,
                file=None if graphs is None else graphs / kept,
            )
            self._compiled.add(made)
            return made

        self._encoder = self._wide = graph(encoder, "encoder", threads)
        self._decoder = graph(decoder, "decoder", threads)
        if machine.fits_twice(checkpoint.weights_bytes(path), threads.streams):
            self._wide = graph(encoder, "encoder", Threads(1, threads.cores))

    def encode(self, job: EncodeJob) -> None:
        """Compute and keep the keys and values of every row."""
        self._decoder.give_back()  # memory for the one that is not needed for the other
        graph = self._wide if job.is_alone else self._encoder
        for row in job.rows:
            pcm = np.frombuffer(row.pcm, np.float32)
            features = mel.log_mel(pcm, self._size.n_mels, job.n_frames)
            with graph.request() as request:
                shared = cross_attention(request, features)
            graph.ran()
            self._shared[row.state_id] = shared

    def detect_language(self, job: DetectJob) -> Detected:
        """Which languages may be spoken in an encoded window."""
        ids = np.array(self._config.lang_ids or (), np.int64)
        told = self._told(job.state_id, (self._vocabulary.sot,))
        [logits] = [answers.rest[0, 0, ids - self._vocabulary.eot] for _, answers in told]
        logits = logits.astype(np.float64)
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        order = np.argsort(-shares, kind="stable")
        tokens = self._vocabulary.tokens
        return Detected(tuple((tokens[ids[i]], float(shares[i])) for i in order))

    def decode(
        self, job: DecodeJob, stepped: Callable[[], None] = lambda: None
    ) -> Iterator[Tokens | Hypothesis]:
        """The text of every row whose states are still wanted, as it is found, and of those to be
        told as it grows.

        Raises:
            NetworkFailed: the graph gave no numbers.
        """
        held = {
            row.state_id: shared
            for row in job.rows
            if (shared := self._shared.get(row.state_id)) is not None
        }
        rows = [_row(row) for row in job.rows if row.state_id in held]
        options = decoding_job.Options(
            beam_size=job.beam_size,
            temperature=job.temperature,
            max_tokens=job.max_new_tokens,
            patience=job.patience,
            suppress=self._suppressed(job.suppress_tokens),
            suppress_first=tuple(self._config.suppress_ids_begin or ()),
            n_best=min(job.n_best, job.beam_size),
            stops_on_loops=job.stops_on_loops,
            trims_loops=job.trims_loops,
        )
        eot = self._vocabulary.eot
        aligned_rows = {row.state_id: row for row in job.rows if row.n_align_frames > 0}
        with self._network(held) as decoder_network:
            network = AttentionRecorder(
                decoder_network,
                {i: row.n_align_frames // FRAMES_PER_STATE for i, row in aligned_rows.items()},
                eot,
            )
            for text in loop.decode(
                network, self._tokens, rows, options, self._shared.__contains__
            ):
                match text:
                    case PartialText():
                        yield Tokens(*text)
                    case FinalText():
                        others = tuple(Alternative(*each) for each in text.others)
                        row = aligned_rows.get(text.window)
                        aligned = None if row is None else _aligned(row, text, network, eot)
                        yield Hypothesis(
                            *text[:4], others, text.is_loop, aligned, text.logprobs, text.bonus
                        )
                    case None:
                        stepped()

    def align(self, job: AlignJob) -> Aligned:
        """When the tokens of a text are said in its window, and how probable they are."""
        added = (self._vocabulary.no_timestamps, self._vocabulary.eot)
        prompt = job.prompt[-(MAX_POSITIONS - len(job.ids) - len(added)) :]
        given = (*prompt, added[0], *job.ids, added[1])
        following = np.minimum((*given[1:], 0), self._size.end_of_text - 1)
        attention, logprobs = [], []
        for first, answers in self._told(job.state_id, given):
            assert answers.attention is not None
            attention.append(answers.attention[:, 0].copy())
            n = answers.text.shape[1]
            logits = answers.text[0, np.arange(n), following[first : first + n]]
            logprobs.append(logits - answers.log_sum[0])
        placed = range(len(prompt), len(prompt) + len(job.ids) + 1)
        n_states = job.n_frames // FRAMES_PER_STATE
        steps = word_alignment.path(np.concatenate(attention, 1), n_states, placed)
        shares = np.exp(np.concatenate(logprobs)[placed[:-1]])
        return Aligned(steps, tuple(float(share) for share in shares))

    def release(self, state_ids: Sequence[int]) -> None:
        """Let go of encoded windows; unknown ids are fine."""
        for state_id in state_ids:
            self._shared.pop(state_id, None)
        if not self._shared:
            self._compiled.give_back_files()

    @property
    def _tokens(self) -> decoding_job.Vocabulary:
        known = self._vocabulary
        special = SpecialTokens(known.eot, known.first_timestamp, known.no_timestamps)
        return decoding_job.Vocabulary(special, known.sot, known.no_speech)

    def _suppressed(self, ids: Sequence[int]) -> tuple[int, ...]:
        own = self._config.suppress_ids or () if _OWN_LIST in ids else ()
        return tuple({*own, *ids} - {_OWN_LIST})

    def _told(self, state_id: int, ids: tuple[int, ...]) -> Iterator[tuple[int, StepOutput]]:
        """What may follow each token of one text, some of them at a time, behind the number of
        those before; to be looked at before the next come. Raises what `decode` does."""
        nothing = np.zeros((1, self._size.end_of_text), np.float32)
        with self._network({state_id: self._shared[state_id]}) as network:
            network.begin([state_id])
            for first in range(0, len(ids), _TOLD_AT_ONCE):
                some = np.array([ids[first : first + _TOLD_AT_ONCE]], np.int64)
                at = np.arange(some.shape[1])[None]
                answers = network.step(Step(some, first, np.zeros(1, np.int32), at, nothing))
                rules.check(answers.rest, answers.log_sum)
                yield first, answers

    @contextlib.contextmanager
    def _network(self, windows: dict[int, CrossAttention]) -> Iterator[OpenVinoNetwork]:
        for graph in (self._encoder, self._wide):
            graph.give_back()
        with self._decoder.request() as request:
            yield OpenVinoNetwork(request, self._size, self._formats, windows, self._decoder.ran)


def _row(row: DecodeRow) -> decoding_job.Row:
    """Of its draft as much as there are positions for."""
    draft = row.draft[: max(0, MAX_POSITIONS - len(row.prompt) - len(row.prefix))]
    given = row.prompt, row.prefix, row.seed, row.is_streamed
    return decoding_job.Row(row.state_id, *given, draft, row.expected)


def _aligned(
    row: DecodeRow, found: FinalText, network: AttentionRecorder, end_of_text: int
) -> Aligned | None:
    """When the text tokens of a text that was just found are said, from what was attended to on
    the way; None if there are none, or the decoder was not told all of it."""
    attention = network.of(found.window, (*row.prompt, *found.ids))
    is_text = [i < end_of_text for i in found.ids]
    if attention is None or not any(is_text):
        return None
    texts = [n for n, text in enumerate(is_text) if text]
    placed = [len(row.prompt) - 1 + n for n in (*texts, texts[-1] + 1)]
    steps = word_alignment.path(attention, row.n_align_frames // FRAMES_PER_STATE, placed)
    return Aligned(steps, tuple(math.exp(found.logprobs[n]) for n in texts))
