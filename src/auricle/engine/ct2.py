"""A Whisper checkpoint in CTranslate2: audio in, encoder states kept, token ids out.

Knows nothing about text, queues or processes; any number of threads may call it, each on other
windows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.engine import machine
from auricle.engine.messages import Hardware
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
)
from auricle.errors import ModelUnusable
from auricle.models import checkpoint
from auricle.whisper import mel
from auricle.whisper.dimensions import MAX_INITIAL_TIMESTAMP, MAX_POSITIONS

_ALIGN_ADDS = 2
"""Tokens CTranslate2 puts around the text it aligns: no-timestamps and end-of-text."""

_NOISE = 0.5
"""At temperature 1, noise added to encoder states, as a share of their standard deviation."""


def hardware(*, keeps_freed_memory: bool) -> Hardware:
    """What CTranslate2 sees of this machine."""
    import ctranslate2

    return Hardware(
        cuda_devices=ctranslate2.get_cuda_device_count(),
        cpu_compute_types=tuple(sorted(ctranslate2.get_supported_compute_types("cpu"))),
        keeps_freed_memory=keeps_freed_memory,
    )


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
            if machine.fits_twice(checkpoint.weights_bytes(path), workers):
                self._wide = load(1, workers * threads_each)
        except Exception as exc:  # it raises what its C++ raises, as one of many kinds
            why = str(exc).replace(str(path), path.name)  # clients are told, too
            raise ModelUnusable(
                f"cannot load {path.name} on {device} as {compute_type}: {why}"
            ) from exc
        self._states: dict[int, NDArray[Any]] = {}
        """``(1, n_frames / 2, width)`` each, the encoder's output."""
        self.info = ModelInfo(
            n_mels=self._model.n_mels,
            device=device,
            compute_type=self._model.compute_type,
            workers=workers,
        )

    def encode(self, job: EncodeJob) -> None:
        """Compute and keep the encoder states of every row."""
        features = np.stack(
            [
                mel.log_mel(np.frombuffer(row.pcm, np.float32), self.info.n_mels, job.n_frames)
                for row in job.rows
            ]
        )
        encoder = self._wide if job.is_alone else self._model
        states = _array(encoder.encode(self._view(features), True))
        for n, row in enumerate(job.rows):
            self._states[row.state_id] = states[n : n + 1]

    def detect_language(self, job: DetectJob) -> Detected:
        """Which languages may be spoken in an encoded window."""
        [found] = self._model.detect_language(self._view(self._states[job.state_id]))
        return Detected(tuple((token, float(probability)) for token, probability in found))

    def decode(
        self, job: DecodeJob, stepped: Callable[[], None] = lambda: None
    ) -> Iterator[Hypothesis]:
        """The text of every row whose states are still wanted, all in what counts as one step."""
        found = [(row, self._states.get(row.state_id)) for row in job.rows]
        kept = [(row, states) for row, states in found if states is not None]
        if not kept:
            return
        results = self._model.generate(
            self._view(
                np.concatenate(
                    [_disturbed(states, row.seed, job.temperature) for row, states in kept]
                )
            ),
            [[*row.prompt, *row.prefix] for row, _ in kept],
            max_length=_max_length(job.max_new_tokens, len(kept[0][0].prompt)),
            suppress_tokens=list(job.suppress_tokens),
            max_initial_timestamp_index=MAX_INITIAL_TIMESTAMP,
            return_scores=True,
            return_no_speech_prob=True,
            beam_size=job.beam_size,
            patience=job.patience,
            num_hypotheses=min(job.n_best, job.beam_size),
        )
        for (row, _), result in zip(kept, results, strict=True):
            yield _hypothesis(row, result)

    def align(self, job: AlignJob) -> Aligned:
        """When the tokens of a text are said in its window, and how probable they are."""
        room = MAX_POSITIONS - len(job.ids) - _ALIGN_ADDS
        [found] = self._model.align(
            self._view(self._states[job.state_id]),
            list(job.prompt[-room:]),
            [list(job.ids)],
            job.n_frames,
        )
        return Aligned(tuple(found.alignments), tuple(found.text_token_probs))

    def release(self, state_ids: Sequence[int]) -> None:
        """Let go of encoder states; unknown ids are fine."""
        for state_id in state_ids:
            self._states.pop(state_id, None)

    def _view(self, values: NDArray[Any]) -> Any:
        return self._ctranslate2.StorageView.from_array(values)


def _disturbed(states: NDArray[Any], seed: int, temperature: float) -> NDArray[Any]:
    """The states to decode from, ``(1, n_frames / 2, width)``.

    CTranslate2 samples with a generator for each of its threads, which cannot be set between calls.
    So above temperature 0 the states are disturbed instead, and decoded greedily: by the same noise
    for the same seed and temperature.
    """
    if temperature == 0:
        return states
    rng = np.random.default_rng((seed, round(1000 * temperature)))
    noise = rng.standard_normal(states.shape, np.float32)
    level = np.float32(_NOISE * temperature * states.std(dtype=np.float64))
    disturbed: NDArray[Any] = (states + level * noise).astype(states.dtype)
    return disturbed


def _hypothesis(row: DecodeRow, result: Any) -> Hypothesis:
    best, *others = (
        # CTranslate2 gives the mean over the tokens; Whisper also counts end-of-text.
        Alternative(tuple(ids), score * len(ids) / (len(ids) + 1))
        for ids, score in zip(result.sequences_ids, result.scores, strict=True)
    )
    return Hypothesis(
        row.state_id, best.ids, best.avg_logprob, result.no_speech_prob, tuple(others)
    )


def _max_length(max_new_tokens: int, n_prompt_tokens: int) -> int:
    """CTranslate2 generates ``min(max_length / 2, max_length - n_prompt_tokens + 1)`` tokens."""
    wanted = max(2 * max_new_tokens, max_new_tokens + n_prompt_tokens - 1)
    return min(wanted, MAX_POSITIONS)


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
