"""Word error rate by language, of a server and of the peer, on the same clips and weights.

Knows nothing about how either transcribes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

from bench import corpus
from bench.corpus import Clip, Score

PEER = Path(__file__).parent / "peers" / "faster_whisper_pipeline.py"


def heard_by_server(
    url: str, model: str, clips: Sequence[Clip], fields: dict[str, str], in_flight: int = 2
) -> list[str]:
    """Every clip's text, through ``/v1/audio/transcriptions`` with its language given."""
    with httpx2.Client(base_url=url, timeout=600) as client, ThreadPoolExecutor(in_flight) as pool:

        def one(clip: Clip) -> str:
            with clip.path.open("rb") as file:
                answer = client.post(
                    "/v1/audio/transcriptions",
                    files={"file": (clip.path.name, file)},
                    data={"model": model, "language": clip.language, **fields},
                )
            answer.raise_for_status()
            text: str = answer.json()["text"]
            return text

        return list(pool.map(one, clips))


def heard_by_peer(model: Path, clips: Sequence[Clip]) -> list[str]:
    """Every clip's text from faster-whisper at its defaults, in a process of its own."""
    jobs = json.dumps([[str(clip.path.resolve()), clip.language] for clip in clips])
    command = [sys.executable, str(PEER), str(model)]
    done = subprocess.run(command, input=jobs, text=True, stdout=subprocess.PIPE, check=True)
    texts: list[str] = json.loads(done.stdout)
    return texts


def by_language(clips: Sequence[Clip], heard: Sequence[str]) -> dict[str, Score]:
    totals: defaultdict[str, Score] = defaultdict(lambda: Score(0, 0))
    for clip, text in zip(clips, heard, strict=True):
        totals[clip.language] += corpus.score(clip.text, text, clip.language)
    return dict(totals)


def losses(
    clips: Sequence[Clip], mine: Sequence[str], peers: Sequence[str], at_least: int = 2
) -> list[tuple[Clip, int, str, str]]:
    """Clips on which ``mine`` has more errors than ``peers``, the worst first."""
    found = []
    for clip, text, other in zip(clips, mine, peers, strict=True):
        lost = (
            corpus.score(clip.text, text, clip.language).n_errors
            - corpus.score(clip.text, other, clip.language).n_errors
        )
        if lost >= at_least:
            found.append((clip, lost, text, other))
    return sorted(found, key=lambda row: -row[1])
