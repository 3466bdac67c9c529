"""Write `speakers/band_mean.npy`: what embeddings have in common through a telephone's band.

    python -m scripts.band_mean CORPUS [--exclude REGEX]

CORPUS has a `refs.jsonl` with `file`, `language` and `speaker`. One recording of each speaker, up
to 8 s of it, is limited to 300 to 3400 Hz, with hiss at -58 and at -70 dB and with none, and
embedded; the mean is written. Speakers that conversations for measuring are made of are to be
excluded.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np

from auricle.models import registry
from auricle.models.fetch import FetchOptions, obtain
from auricle.models.progress import Bar
from auricle.settings.config import Settings
from auricle.speakers.diarization import Networks
from auricle.speakers.features import fbank
from auricle.types import SAMPLE_RATE, Pcm
from auricle_bench.measurements import recordings

TARGET = Path(__file__).parents[1] / "src" / "auricle" / "speakers" / "band_mean.npy"
BAND_HZ = (300, 3400)
HISS_DB = (-58.0, -70.0, -np.inf)
LEVEL = 0.05
LONGEST_S, SHORTEST_S = 8.0, 1.5
LOUD = slice(20, 50)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write band_mean.npy.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--exclude", default="^$", metavar="REGEX", help="speakers to leave out")
    given = parser.parse_args()
    networks = Networks.load(obtain(registry.SPEAKERS, FetchOptions.of(Settings()), Bar()))
    rng = np.random.default_rng(1)
    found = []
    for path in _one_of_each(given.corpus, given.exclude):
        pcm = recordings.read(path)[: round(LONGEST_S * SAMPLE_RATE)].astype(np.float32)
        if len(pcm) >= SHORTEST_S * SAMPLE_RATE:
            pcm *= np.float32(LEVEL) / np.sqrt((pcm**2).mean())
            banded = [_banded(pcm, db, rng) for db in HISS_DB]
            found.append(networks.embedding.embed_all([_loud(fbank(each)) for each in banded]))
    np.save(TARGET, np.mean(found, axis=(0, 1), dtype=np.float64).astype(np.float32))
    print(f"{TARGET.name}: the mean over {len(found)} speakers")


def _one_of_each(corpus: Path, exclude: str) -> list[Path]:
    lines = (corpus / "refs.jsonl").read_text(encoding="utf-8").splitlines()
    first: dict[tuple[str, str], Path] = {}
    for line in lines:
        clip = json.loads(line)
        if not re.search(exclude, clip["speaker"]):
            first.setdefault((clip["language"], clip["speaker"]), corpus / clip["file"])
    return list(first.values())


def _banded(pcm: Pcm, hiss_db: float, rng: np.random.Generator) -> Pcm:
    spectrum, hz = np.fft.rfft(pcm), np.fft.rfftfreq(len(pcm), 1 / SAMPLE_RATE)
    spectrum[(hz < BAND_HZ[0]) | (hz > BAND_HZ[1])] = 0
    hiss = rng.normal(0, 10 ** (hiss_db / 20), len(pcm))
    return np.asarray(np.fft.irfft(spectrum, len(pcm)) + hiss, np.float32)


def _loud(mel: np.ndarray) -> np.ndarray:
    level = mel[:, LOUD].mean(1)
    return np.asarray(mel[level > np.percentile(level, 95) - 6])


if __name__ == "__main__":
    main()
