"""Silero voice activity detection in numpy: how likely each 32 ms frame of audio is speech.

Knows nothing about files, spans or thresholds. State goes in and comes out: nothing is kept here.

The network (Silero VAD 6.2.3, see SILERO_LICENSE): magnitudes of a short Fourier transform, four
convolutions over time, one LSTM step per frame, a sigmoid. Only the LSTM is sequential; the rest
runs over all frames of all streams at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FRAME = 512
"""Samples per probability: 32 ms."""

CONTEXT = 64
"""Samples before each frame that the network also sees; without them it finds no speech."""

_FFT = 256
_HOP = 128
_REFLECTED = 64
_HIDDEN = 128
_STRIDES = (1, 2, 2, 1)
_BLOCK_FRAMES = 256  # bounds the memory of the parallel part, about 1 MB per stream

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VadState:
    """Where one stream, or a batch of streams of equal length, has come to."""

    hidden: F32
    """``(batch, 128)``"""
    cell: F32
    """``(batch, 128)``"""
    context: F32
    """``(batch, 64)``: the samples before ``rest``."""
    rest: F32
    """``(batch, < 512)``: samples that do not fill a frame yet."""

    @classmethod
    def initial(cls, batch: int = 1) -> VadState:
        """The state before the first sample."""
        zeros = np.zeros((batch, _HIDDEN), np.float32)
        context = np.zeros((batch, CONTEXT), np.float32)
        return cls(zeros, zeros, context, np.zeros((batch, 0), np.float32))

    @classmethod
    def batched(cls, states: Sequence[VadState]) -> VadState:
        """Several streams in one; their ``rest`` is equally long."""
        names = ("hidden", "cell", "context", "rest")
        return cls(*(np.concatenate([getattr(each, name) for each in states]) for name in names))

    def streams(self) -> list[VadState]:
        """The streams of a batch, each by itself."""
        parts = zip(self.hidden, self.cell, self.context, self.rest, strict=True)
        return [VadState(*(part[None].copy() for part in each)) for each in parts]


class SpeechDetector:
    """The network's weights. Immutable: one detector serves any number of streams and threads."""

    def __init__(self) -> None:
        with np.load(Path(__file__).with_name("silero_vad.npz")) as stored:
            weights = {name: stored[name].astype(np.float32) for name in stored.files}
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
        self._window: F32 = window.astype(np.float32)
        self._convolutions = [
            (
                np.ascontiguousarray(weights[f"conv{i}_weight"].transpose(2, 1, 0)),
                weights[f"conv{i}_bias"],
                stride,
            )
            for i, stride in enumerate(_STRIDES)
        ]
        # One tanh serves all four gates, since sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: put the
        # three sigmoid gates first (input, forget, output; then the cell) and halve them.
        order = np.r_[0:256, 384:512, 256:384]
        scale = np.r_[np.full(384, 0.5), np.ones(128)].astype(np.float32)
        bias = weights["lstm_bias_input"] + weights["lstm_bias_hidden"]
        self._bias: F32 = bias[order] * scale
        self._from_input: F32 = (weights["lstm_weight_input"][order] * scale[:, None]).T.copy()
        self._from_hidden: F32 = (weights["lstm_weight_hidden"][order] * scale[:, None]).T.copy()
        self._output: F32 = weights["output_weight"].reshape(_HIDDEN)
        self._output_bias: F32 = weights["output_bias"]

    def probabilities(self, pcm: F32, state: VadState) -> tuple[F32, VadState]:
        """Speech probabilities of the frames that ``pcm`` completes, and the state after it.

        ``pcm`` is ``(n_samples,)`` for a batch of one or ``(batch, n_samples)``; the answer is
        ``(n_frames,)`` or ``(batch, n_frames)`` float32. Samples that fill no frame wait in the
        state, so the answers do not depend on how a stream is cut into calls.
        """
        batch = len(state.hidden)
        parts = [state.context, state.rest, pcm.reshape(batch, -1)]
        audio = np.concatenate(parts, axis=1, dtype=np.float32)
        n_frames = (audio.shape[1] - CONTEXT) // FRAME
        hidden, cell = state.hidden, state.cell
        blocks = []
        for first in range(0, n_frames, _BLOCK_FRAMES):
            last = min(first + _BLOCK_FRAMES, n_frames)
            features = self._features(audio[:, first * FRAME : last * FRAME + CONTEXT])
            probabilities, hidden, cell = self._recur(features, hidden, cell)
            blocks.append(probabilities)
        used = n_frames * FRAME
        after = VadState(
            hidden, cell, audio[:, used : used + CONTEXT].copy(), audio[:, used + CONTEXT :].copy()
        )
        found = np.concatenate(blocks, axis=1) if blocks else np.zeros((batch, 0), np.float32)
        return found.reshape(*pcm.shape[:-1], n_frames), after

    def finish(self, state: VadState) -> F32:
        """The probability of a last frame that the recording leaves incomplete, if there is one.

        ``(batch, 0 or 1)``: the frame is filled up with silence.
        """
        batch, n_rest = state.rest.shape
        if n_rest == 0:
            return np.zeros((batch, 0), np.float32)
        return self.probabilities(np.zeros((batch, FRAME - n_rest), np.float32), state)[0]

    def _features(self, audio: F32) -> F32:
        """``(batch, 64 + n_frames * 512)`` → ``(batch, n_frames, 128)``, before the LSTM."""
        frames = sliding_window_view(audio, FRAME + CONTEXT, axis=1)[:, ::FRAME]
        batch, n_frames, _ = frames.shape
        mirrored = frames[..., -2 : -2 - _REFLECTED : -1]
        padded = np.concatenate([frames, mirrored], axis=2).reshape(batch * n_frames, -1)
        spans = sliding_window_view(padded, _FFT, axis=1)[:, ::_HOP]
        x: F32 = np.abs(np.fft.rfft(spans * self._window)).astype(np.float32, copy=False)
        for weight, bias, stride in self._convolutions:
            x = np.maximum(_convolved(x, weight, stride) + bias, 0)
        return x.reshape(batch, n_frames, _HIDDEN)

    def _recur(self, features: F32, hidden: F32, cell: F32) -> tuple[F32, F32, F32]:
        """Run the LSTM along ``features``: ``(batch, n_frames)`` probabilities and its state."""
        inputs = features @ self._from_input + self._bias
        states = np.empty_like(features)
        for i in range(features.shape[1]):
            gates: F32 = np.tanh(inputs[:, i] + hidden @ self._from_hidden)
            sigmoids: F32 = 0.5 * gates[:, :384] + 0.5
            cell = sigmoids[:, 128:256] * cell + sigmoids[:, :128] * gates[:, 384:]
            hidden = sigmoids[:, 256:] * np.tanh(cell)
            states[:, i] = hidden
        logits = np.maximum(states, 0) @ self._output + self._output_bias
        probabilities = 1 / (1 + np.exp(-logits))
        return probabilities.astype(np.float32, copy=False), hidden, cell


def _convolved(x: F32, weight: F32, stride: int) -> F32:
    """1-D convolution with one zero on either side: ``(n, time, n_in)`` by ``(3, n_in, n_out)``."""
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    n_out = (padded.shape[1] - 3) // stride + 1
    end = (n_out - 1) * stride + 1
    result = padded[:, 0:end:stride] @ weight[0]
    for tap in (1, 2):
        result += padded[:, tap : tap + end : stride] @ weight[tap]
    return np.asarray(result, np.float32)
