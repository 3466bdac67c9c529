"""Who spoke when, in conversations with references: error rates, speed and memory.

Knows nothing about servers; recordings go through the speaker process as the server's will.

The folder holds NAME.flac or NAME.wav with NAME.rttm, and perhaps NAME.words.json: a list of
``{"word", "start", "end", "speaker"}``, whose words are given to speakers by the turns found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import psutil

from auricle.models import registry
from auricle.models.fetch import FetchOptions, obtain
from auricle.models.progress import Bar
from auricle.settings.config import Settings
from auricle.speakers import rttm
from auricle.speakers.clustering import Bounds
from auricle.speakers.process import SpeakerProcess
from auricle.speakers.turns import NamedTurn, Turn
from auricle.speakers.words import attribute
from auricle.types import SAMPLE_RATE, Pcm, Word
from auricle_bench.measurements import recordings
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import Setup
from auricle_bench.speaker_errors import (
    COLLAR_S,
    DiarizationErrors,
    WordErrors,
    diarization_errors,
    word_errors,
)

FEED_S = 30
MADE = ("syn", "tts")
"""Names that begin so are conversations put together of single recordings, or of a machine's."""

WANTED = {"all": (0.13, 0.08), "real": (0.20, None)}
"""Diarization error rate without a collar and with one."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One recording and what was found in it, with the number of speakers found or given."""

    name: str
    found: tuple[DiarizationErrors, DiarizationErrors]
    """Without a collar, and with one."""
    given: DiarizationErrors
    words: WordErrors | None
    duration_s: float
    cpu_s: float

    @property
    def is_real(self) -> bool:
        return not self.name.startswith(MADE)


class _Said(msgspec.Struct):
    word: str
    start: float
    end: float
    speaker: str


def run(setup: Setup) -> Figures:
    if setup.corpus is None:
        raise SystemExit("this needs conversations with references: make bench CORPUS=DIR")
    paths = sorted(p for p in setup.corpus.iterdir() if p.suffix in (".flac", ".wav"))
    paths = [path for path in paths if path.with_suffix(".rttm").is_file()]
    folder = obtain(registry.SPEAKERS, FetchOptions.of(Settings()), Bar())
    conversations, peak_bytes = asyncio.run(_heard(paths, folder))
    return figures_of(conversations, peak_bytes)


def figures_of(conversations: Sequence[Conversation], peak_bytes: int) -> Figures:
    """Rates of all and of the real ones, then every conversation, most wrong first."""
    groups = {"all": conversations, "real": [each for each in conversations if each.is_real]}
    groups["made"] = [each for each in conversations if not each.is_real]
    rows = [_group(name, group) for name, group in groups.items() if group]
    listed = [_row(each) for each in sorted(conversations, key=_wrong_s, reverse=True)]
    words = [each.words for each in conversations if each.words is not None]
    audio_s = sum(each.duration_s for each in conversations)
    speed = audio_s / sum(each.cpu_s for each in conversations)
    other = [
        ("words given to the wrong speaker", f"{_rate(words)} of {_n_words(words)}", "6%"),
        ("audio in a second of one core", f"{speed:.1f} s", "at least 15 s"),
        ("memory of the process at its peak", f"{peak_bytes / 1e6:.0f} MB", "400 MB"),
    ]
    header = ("", "wrong", f"with a collar of {COLLAR_S:g} s", "missed", "false alarm", "confused")
    tables = [
        Table(
            f"{len(conversations)} conversations, {audio_s / 60:.1f} min:",
            (*header, "number of speakers right", "wrong if it is given"),
            [*rows, _wanted()],
        ),
        Table("", ("", "", "wanted, at most"), other),
        Table(
            "Each, most seconds wrong first:",
            ("", *header[1:], "speakers", "found", "wrong if they are given"),
            listed,
        ),
    ]
    data = {
        "speed": speed,
        "peak_bytes": peak_bytes,
        "conversations": [msgspec.to_builtins(each) for each in conversations],
    }
    return Figures(tables, data)


async def _heard(paths: Sequence[Path], folder: Path) -> tuple[list[Conversation], int]:
    process = await SpeakerProcess.start(folder)
    watched = psutil.Process(process.pid)
    conversations = []
    try:
        for path in paths:
            pcm = recordings.read(path).astype(np.float32) / np.float32(32768)
            conversations.append(await _conversation(process, watched, path, pcm))
        return conversations, _peak_bytes(process.pid)
    finally:
        await process.close()


def _peak_bytes(pid: int) -> int:
    """The most memory a process has taken, as Linux remembers it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


async def _conversation(
    process: SpeakerProcess, watched: psutil.Process, path: Path, pcm: Pcm
) -> Conversation:
    reference = rttm.read(path.with_suffix(".rttm").read_text(encoding="utf-8"))
    n_speakers = len({turn.speaker for turn in reference})
    before = watched.cpu_times()
    turns = await _turns(process, pcm, None)
    after = watched.cpu_times()
    with_number = await _turns(process, pcm, Bounds(n_speakers, n_speakers))
    return Conversation(
        name=path.stem,
        found=(
            diarization_errors(reference, _named(turns)),
            diarization_errors(reference, _named(turns), COLLAR_S),
        ),
        given=diarization_errors(reference, _named(with_number)),
        words=_word_errors(path.with_suffix(".words.json"), turns),
        duration_s=len(pcm) / SAMPLE_RATE,
        cpu_s=after.user + after.system - before.user - before.system,
    )


async def _turns(process: SpeakerProcess, pcm: Pcm, bounds: Bounds | None) -> Sequence[Turn]:
    async with process.recording() as recording:
        for first in range(0, len(pcm), FEED_S * SAMPLE_RATE):
            await recording.feed(pcm[first : first + FEED_S * SAMPLE_RATE])
        return (await recording.finish(bounds)).turns


def _word_errors(path: Path, turns: Sequence[Turn]) -> WordErrors | None:
    """How many of the words, at the times they are said, go to the wrong speaker."""
    if not path.is_file():
        return None
    said = msgspec.json.decode(path.read_bytes(), type=list[_Said])
    words = [Word(f" {each.word}", each.start, each.end, 1.0) for each in said]
    spoken = [(each.word.text.strip(), str(each.speaker)) for each in attribute(words, turns)]
    return word_errors([(each.word, each.speaker) for each in said], spoken)


def _named(turns: Sequence[Turn]) -> list[NamedTurn]:
    return [NamedTurn(turn.start_s, turn.end_s, str(turn.speaker)) for turn in turns]


def _group(name: str, group: Sequence[Conversation]) -> tuple[str, ...]:
    plain = [each.found[0] for each in group]
    n_right = sum(each.n_reference == each.n_hypothesis for each in plain)
    collared = _total([each.found[1] for each in group])
    given = _total([each.given for each in group])
    counted = f"{n_right} of {len(group)}"
    return (f"**{name}**", *_parts(plain, collared["rate"]), counted, _percent(given["rate"]))


def _row(each: Conversation) -> tuple[str, ...]:
    plain = each.found[0]
    parts = _parts([plain], each.found[1].rate)
    counts = (str(plain.n_reference), str(plain.n_hypothesis))
    return (each.name, *parts, *counts, _percent(each.given.rate))


def _wanted() -> tuple[str, ...]:
    (all_, collared), (real, _) = WANTED["all"], WANTED["real"]
    rates = f"{_percent(all_)}, real {_percent(real)}", _percent(collared)
    return ("wanted, at most", *rates, "", "", "", "14 of 17 at least", "")


def _parts(errors: Sequence[DiarizationErrors], collared: float) -> tuple[str, ...]:
    total = _total(errors)
    rest = (_percent(total[name]) for name in ("missed", "false_alarm", "confused"))
    return (_percent(total["rate"]), _percent(collared), *rest)


def _total(errors: Sequence[DiarizationErrors]) -> dict[str, float]:
    """Rates over several recordings, weighted by their speech."""
    speech_s = sum(each.speech_s for each in errors)
    parts = {
        "missed": sum(each.missed_s for each in errors) / speech_s,
        "false_alarm": sum(each.false_alarm_s for each in errors) / speech_s,
        "confused": sum(each.confused_s for each in errors) / speech_s,
    }
    return {**parts, "rate": sum(parts.values())}


def _wrong_s(each: Conversation) -> float:
    return each.found[0].rate * each.found[0].speech_s


def _n_words(words: Sequence[WordErrors]) -> int:
    return sum(each.n_words for each in words)


def _rate(words: Sequence[WordErrors]) -> str:
    return _percent(sum(each.n_wrong for each in words) / max(1, _n_words(words)))


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{100 * rate:.1f}%"
