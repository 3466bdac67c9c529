"""How soon live words come and how right they are: for tuning the policy of `auricle.live`.

    python -m auricle_bench.measurements.live.policy DIR --model base --streams 4 \
        --joined 5 --set border_s=0.8

DIR holds clips and ``refs.jsonl``. Clips whose words have times (``words``: text, start, end) give
the delays, all of them the errors. The error rate of a live stream stands beside that of its clips
read one by one.
"""

# numpy must be told how many threads to use before it is loaded
from __future__ import annotations

import os

from auricle.engine import machine

os.environ.update(machine.environment())

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from auricle.live.options import LiveOptions
from auricle.live.session import LiveSession
from auricle.types import SAMPLE_RATE, LibraryName, Pcm
from auricle_bench.accuracy import score, units
from auricle_bench.live.measures import Measures, Reference
from auricle_bench.measurements import recordings
from auricle_bench.measurements.live.engine import Engine, Reading
from auricle_bench.measurements.live.simulation import Simulation, Stream

LONGEST_CLIP_S = 28.0
LEAD_S = 0.5
PAUSE_S = 0.7
TAIL_S = 1.6
PARTS = ("encode", "decode", "align", "other")
NOISE_RMS = 3e-4
"""-70 dBFS: what a microphone gives while nobody speaks."""

Clip = Mapping[str, Any]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Recording:
    """Clips played one after the other, with pauses."""

    pcm: Pcm
    reference: Reference
    offline: str


def main() -> None:
    args = _arguments()
    reading, options = configured(args.set)
    engine = Engine(args.model, reading, args.engine, args.kept)
    clips = _clips(args.folder, args.languages.split(","))[:: args.every]
    asked = f"{args.model} {args.engine}{' detected' if args.detect else ''}"
    offline = _offline(args.folder, clips, engine, asked, args.kept, detect=args.detect)
    groups = _groups(clips, args.joined)
    played = [_recording(args.folder, group, offline) for group in groups]
    measures = Measures()
    costs: list[Any] = []
    worse: list[tuple[int, str, str]] = []
    n_offline_errors = 0
    for part in _parts(played, args.streams):
        streams = [Stream(each.pcm, _session(options, each, detect=args.detect)) for each in part]
        Simulation(streams, engine, args.cores, args.speed).run()
        for stream, each in zip(streams, part, strict=True):
            before = measures.n_errors
            text = measures.add(stream.log, each.reference)
            costs += stream.costs
            own = score(each.reference.text, each.offline, each.reference.language).n_errors
            n_offline_errors += own
            worse.append((measures.n_errors - before - own, each.offline, text))
    audio_s = sum(len(each.pcm) for each in played) / SAMPLE_RATE
    print(f"{args.model} {' '.join(args.set)}, {args.streams} streams, {audio_s / 60:.1f} min")
    _report(measures, n_offline_errors, audio_s)
    _report_costs(costs, audio_s)
    for n, was, text in sorted(worse, reverse=True)[: args.worst]:
        print(f"  {n:+d} clips: {was.strip()}\n     live:  {text}")


def configured(settings: Sequence[str]) -> tuple[Reading, LiveOptions]:
    """What ``name=value`` changes; names are those of `Reading`, `LiveOptions`, its rule, turns."""
    reading, options = Reading(), LiveOptions()
    for setting in settings:
        name, _, text = setting.partition("=")
        change = {name: json.loads(text)}
        if hasattr(reading, name):
            reading = replace(reading, **change)
        elif hasattr(options.rule, name):
            options = replace(options, rule=replace(options.rule, **change))
        elif hasattr(options.turns, name):
            options = replace(options, turns=replace(options.turns, **change))
        else:
            options = replace(options, **change)
    return reading, options


def _session(options: LiveOptions, played: Recording, *, detect: bool) -> LiveSession:
    return LiveSession(replace(options, language=None if detect else played.reference.language))


def _clips(folder: Path, languages: Sequence[str]) -> list[Clip]:
    lines = (folder / "refs.jsonl").read_text(encoding="utf-8").splitlines()
    clips: list[Clip] = [json.loads(line) for line in lines]
    return [c for c in clips if c["language"] in languages and c["duration_s"] <= LONGEST_CLIP_S]


def _groups(clips: Sequence[Clip], n_joined: int) -> list[Sequence[Clip]]:
    """So many clips of one language for each recording."""
    by_language: dict[str, list[Clip]] = {}
    for clip in clips:
        by_language.setdefault(clip["language"], []).append(clip)
    return [group for own in by_language.values() for group in _parts(own, n_joined)]


def _parts(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    """The items, so many at a time."""
    return [items[at : at + size] for at in range(0, len(items), size)]


def _read(folder: Path, clip: Clip) -> Pcm:
    return recordings.read(folder / clip["file"]).astype(np.float32) / np.float32(32768)


def _recording(folder: Path, clips: Sequence[Clip], offline: Mapping[str, str]) -> Recording:
    language = clips[0]["language"]
    parts = [_silence(LEAD_S)]
    ends: list[tuple[str, float]] = []
    at_s = LEAD_S
    for clip in clips:
        for word, _, end_s in clip.get("words") or ():
            ends += [(unit, at_s + end_s) for unit in units(word, language)]
        pcm = _read(folder, clip)
        parts += [pcm, _silence(PAUSE_S)]
        at_s += len(pcm) / SAMPLE_RATE + PAUSE_S
    pcm = np.concatenate([*parts, _silence(TAIL_S - PAUSE_S)])
    text = " ".join(clip["text"] for clip in clips)
    is_timed = all(clip.get("words") for clip in clips)
    return Recording(
        pcm,
        Reference(text, language, ends if is_timed else ()),
        " ".join(offline[clip["file"]] for clip in clips),
    )


def _silence(seconds: float) -> Pcm:
    """Of a room. Clips have noise of their own: more of it drowned quiet ones."""
    n = round(seconds * SAMPLE_RATE)
    return np.random.default_rng(n).normal(0.0, NOISE_RMS, n).astype(np.float32)


def _offline(
    folder: Path,
    clips: Sequence[Clip],
    engine: Engine,
    asked: str,
    kept: Path | None,
    *,
    detect: bool,
) -> dict[str, str]:
    """What the clips say, each read at once; kept between runs if there is a place for it."""
    path = kept / f"{asked}.json" if kept else None
    texts: dict[str, str] = json.loads(path.read_text()) if path and path.is_file() else {}
    for clip in clips:
        if clip["file"] not in texts:
            language = None if detect else clip["language"]
            texts[clip["file"]] = engine.read_whole(_read(folder, clip), language)
    if path:
        path.write_text(json.dumps(texts))
    return texts


def _report(m: Measures, n_offline_errors: int, audio_s: float) -> None:
    print(
        f"  tentative {_percentiles(m.tentative_s)} s, commit {_percentiles(m.commit_s)} s, "
        f"final {_percentiles(m.final_s)} s (p50 / p95); "
        f"{60 * m.n_corrections / audio_s:.0f} corrections a minute, {m.n_retracted} retractions; "
        f"WER {100 * m.n_errors / m.n_units:.1f} %, clip by clip "
        f"{100 * n_offline_errors / m.n_units:.1f} % of {m.n_units}"
    )


def _report_costs(costs: Sequence[Any], audio_s: float) -> None:
    for kind in ("partial", "final"):
        own = [(window_s, cost) for each, window_s, cost in costs if each == kind]
        if own:
            print(
                f"  {len(own)} {kind} readings of {np.mean([w for w, _ in own]):.1f} s: "
                + ", ".join(f"{part} {_mean_ms(part, own)} ms" for part in PARTS)
                + f"; {100 * sum(c.total_s for _, c in own) / audio_s:.0f} % of a core"
            )
    busy_s = sum(cost.total_s for _, _, cost in costs)
    print(f"  {100 * busy_s / audio_s:.0f} % of a core for a stream")


def _mean_ms(part: str, costs: Sequence[tuple[float, Any]]) -> int:
    return round(1000 * float(np.mean([getattr(cost, f"{part}_s") for _, cost in costs])))


def _percentiles(delays: Sequence[float]) -> str:
    return " / ".join(f"{np.percentile(delays, p):.2f}" for p in (50, 95)) if delays else "-"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--engine", choices=get_args(LibraryName), default="openvino")
    parser.add_argument("--languages", default="en", help="codes, with commas between")
    parser.add_argument("--detect", action="store_true", help="do not tell the language")
    parser.add_argument("--every", type=int, default=1, help="take only every N-th clip")
    parser.add_argument("--joined", type=int, default=1, help="clips in a stream")
    parser.add_argument("--streams", type=int, default=1, help="streams at a time")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--speed", type=float, default=1.0, help="of a core, against one here")
    parser.add_argument("--set", nargs="*", default=[], help="options to change: name=value")
    parser.add_argument("--worst", type=int, default=0, help="so many streams in full")
    parser.add_argument("--kept", type=Path, help="folder to keep answers in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
