"""Turn the official Silero VAD 6.2.3 ONNX file into the small ``silero_vad.npz`` Auricle ships.

Needs the onnx package and the official wheel, unpacked; neither is needed to run Auricle:

    pip download silero-vad==6.2.3 --no-deps && unzip silero_vad-6.2.3-*.whl
    python scripts/make_vad_weights.py silero_vad/data/silero_vad_16k_op15.onnx

The wheel also has a safetensors file, but that holds an older checkpoint: use the ONNX file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx  # type: ignore[import-not-found,unused-ignore]  # not a dependency of Auricle

TARGET = Path(__file__).parent.parent / "src/auricle/speech/silero_vad.npz"

NAMES = {
    **{
        f"model.encoder.{i}.reparam_conv.{part}": f"conv{i}_{part}"
        for i in range(4)
        for part in ("weight", "bias")
    },
    "model.decoder.rnn.weight_ih": "lstm_weight_input",
    "model.decoder.rnn.weight_hh": "lstm_weight_hidden",
    "model.decoder.rnn.bias_ih": "lstm_bias_input",
    "model.decoder.rnn.bias_hh": "lstm_bias_hidden",
    "model.decoder.decoder.2.weight": "output_weight",
    "model.decoder.decoder.2.bias": "output_bias",
}
"""The STFT basis is left out: it is a Hann window times a Fourier matrix, made at load."""


def main(source: str) -> None:
    graph = onnx.load(source).graph
    arrays = {
        NAMES[tensor.name]: onnx.numpy_helper.to_array(tensor).astype(np.float16)
        for tensor in graph.initializer
        if tensor.name in NAMES
    }
    missing = set(NAMES.values()) - set(arrays)
    if missing:
        sys.exit(f"{source} is not silero_vad_16k_op15.onnx: it lacks {sorted(missing)}")
    np.savez_compressed(TARGET, **arrays)
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
