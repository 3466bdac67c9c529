"""Record what the original Silero VAD 6.2.3 ONNX file answers, for `test_vad.py`.

    python tests/speech/record_vad_golden.py silero_vad/data/silero_vad_16k_op15.onnx

Needs onnxruntime; the tests themselves need only the recorded ``golden_vad.npz``.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]  # not a dependency

HERE = Path(__file__).parent


def main(model: str) -> None:
    session = onnxruntime.InferenceSession(model)
    with wave.open(str(HERE.parent.parent / "samples/jfk.wav")) as file:
        jfk = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    noise = np.random.default_rng(1).standard_normal(64_000).astype(np.float32) * 0.1
    inputs: dict[str, np.ndarray] = {
        "jfk": jfk,
        "silence": np.zeros(64_000, np.float32),
        "noise": noise,
    }
    inputs["noisy_jfk"] = jfk + np.random.default_rng(2).standard_normal(len(jfk)) * 0.05
    recorded: dict[str, Any] = {}
    for name, pcm in inputs.items():
        state = np.zeros((2, 1, 128), np.float32)
        padded = np.concatenate([np.zeros(64), pcm, np.zeros(-len(pcm) % 512)]).astype(np.float32)
        probabilities = []
        for start in range(0, len(padded) - 64, 512):
            frame = padded[None, start : start + 576]
            output, state = session.run(
                None, {"input": frame, "state": state, "sr": np.array(16_000)}
            )
            probabilities.append(output[0, 0])
        recorded[name] = np.array(probabilities, np.float32)
    np.savez_compressed(HERE / "golden_vad.npz", **recorded)


if __name__ == "__main__":
    main(sys.argv[1])
