"""What both engines need of one core for the same windows, by turns.

Knows nothing about how either works. Features are part of it, decoding files is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from auricle.engine import machine
from auricle.types import LibraryName
from auricle.whisper.dimensions import MAX_FRAMES
from auricle.whisper.vocabulary import Vocabulary
from auricle_bench import accuracy, evaluation
from auricle_bench.clips import Clip
from auricle_bench.measurements import recordings, server
from auricle_bench.measurements.both import Done, Task
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import Setup, every

N_WINDOWS = 8
SHORT_S = (4.0, 9.0)
SHORT_FRAMES = 1500
TURNS = 3
QUICK_TURNS = 2
LIBRARIES: tuple[LibraryName, ...] = ("ctranslate2", "openvino")
HEADER = ("", "CTranslate2", "errors", "OpenVINO", "errors", "times as fast")


@dataclass(frozen=True, slots=True)
class Case:
    """Clips that are read so many at a time."""

    name: str
    clips: Sequence[Clip]
    n_frames: int
    beam_size: int
    together: int


def run(setup: Setup) -> Figures:
    turns = QUICK_TURNS if setup.quick else TURNS
    speech, n = setup.speech(), setup.n_clips or N_WINDOWS
    full = every(recordings.windows(speech, setup.scratch), n)
    short = every([c for c in speech if SHORT_S[0] <= c.duration_s <= SHORT_S[1]], n)
    cases = [
        Case(f"{n} windows, beam 5", full, MAX_FRAMES, 5, n),
        Case("one window, beam 5", full, MAX_FRAMES, 5, 1),
        Case(f"{n} windows, greedy", full, MAX_FRAMES, 1, n),
        Case("one window, greedy", full, MAX_FRAMES, 1, 1),
        Case(f"{n} short clips, beam 5", short, SHORT_FRAMES, 5, n),
        Case("one short clip, beam 5", short, SHORT_FRAMES, 5, 1),
    ]
    vocabulary = Vocabulary.load(server.folder(setup.model))
    with _Both(setup.model) as both:
        both.read("ctranslate2", cases[0])
        both.read("openvino", cases[0])
        measured = [_row(case, both, turns, vocabulary) for case in cases]
    caption = (
        f"{setup.model}, milliseconds of one core for each window (encode + decode), {turns} turns "
        "each, the least of them:"
    )
    data = {case.name: found[1] for case, found in zip(cases, measured, strict=True)}
    return Figures([Table(caption, HEADER, [found[0] for found in measured])], data)


class _Both:
    """Both engines, in a process of their own."""

    def __init__(self, model: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "auricle_bench.measurements.both", str(server.folder(model))],
            env={**os.environ, **machine.environment()},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> _Both:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def read(self, library: LibraryName, case: Case) -> list[Done]:
        """All clips of the case, as many at a time as it says."""
        paths = [str(clip.path) for clip in case.clips]
        groups = [paths[i : i + case.together] for i in range(0, len(paths), case.together)]
        return [self._ask(Task(library, group, case.n_frames, case.beam_size)) for group in groups]

    def _ask(self, task: Task) -> Done:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(task).decode() + "\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Done)


def _row(
    case: Case, both: _Both, turns: int, vocabulary: Vocabulary
) -> tuple[list[str], dict[str, object]]:
    """A row of the table, and the numbers behind it."""
    read: dict[LibraryName, list[list[Done]]] = {library: [] for library in LIBRARIES}
    for _ in range(turns):
        for library in LIBRARIES:
            read[library].append(both.read(library, case))
    cells, data = [case.name], dict[str, object]()
    least: dict[LibraryName, float] = {}
    for library, rounds in read.items():
        n = len(case.clips)
        parts = (_min_ms(rounds, "encode_s") / n, _min_ms(rounds, "decode_s") / n)
        ids = [ids for done in rounds[0] for ids in done.ids]
        texts = [vocabulary.decode(i for i in said if i < vocabulary.eot) for said in ids]
        pairs = zip(case.clips, texts, strict=True)
        rate = evaluation.total(accuracy.score(c.text or "", text, "en") for c, text in pairs)
        least[library] = sum(parts)
        cells += [f"{parts[0]:.0f} + {parts[1]:.0f} = {sum(parts):.0f}", f"{100 * rate.rate:.1f} %"]
        data[library] = {"encode_ms": parts[0], "decode_ms": parts[1], "texts": texts}
    cells.append(f"**{least['ctranslate2'] / least['openvino']:.2f}**")
    return cells, data


def _min_ms(turns: Sequence[Sequence[Done]], part: str) -> float:
    """The sum over all groups of windows, of the turn that was quickest with each."""
    least: list[float] = [
        min(getattr(done, part) for done in same) for same in zip(*turns, strict=True)
    ]
    return 1000 * sum(least)
