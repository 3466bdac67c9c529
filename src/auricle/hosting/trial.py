"""Both libraries read a clip with a model, and the better one is known from then on.

Knows nothing about settings or servers. What is measured is kept in a file of the cache, with what
it depends on: another model, processor or version is measured anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import hashlib
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from auricle import __version__
from auricle.engine import machine
from auricle.engine.loading import openvino_version
from auricle.engine.protocol import (
    DecodeJob,
    DecodeRow,
    EncodeJob,
    EncodeRow,
    Engine,
    EngineDied,
    Hypothesis,
    ReleaseJob,
)
from auricle.errors import AuricleError
from auricle.models.checkpoint import WEIGHTS
from auricle.system import small_file
from auricle.types import LibraryName, Pcm
from auricle.whisper import prompting
from auricle.whisper.vocabulary import Vocabulary

_log = logging.getLogger(__name__)

FILE = "engines.json"
MAX_FILE_BYTES = 1024 * 1024
_VERSION = 3
"""Of how is measured; to be raised whenever that changes."""

_ROOM_BYTES = 64 * 1024
"""What the file may take with all its entries."""

MAX_ENTRIES = 64
"""The oldest measurements are forgotten."""

CLIP = Path(__file__).with_name("trial_clip.npy")

N_TOGETHER = 4
"""Windows that are read at the same time."""

N_FRAMES = 1600
"""Of the encoder for each: the clip and 5 s."""

N_TURNS = 2
MORE_TURNS = 3
MORE_UNTIL_S = 8.0
"""More turns begin until then: a small model takes 0.3 s, in which other programs, whose cache it
shares, change its processor time by a tenth."""

LIMIT_S = 20.0
"""No turn begins after so long: whoever starts a server waits for it."""

MAX_TOKENS = 60

AS_FAST = 0.95
"""Times of one machine differ by so much from one measurement to the next, of small models."""

ALIKE = 0.8
"""Share of tokens that both texts must have in common."""


class TimedEngine(Engine, Protocol):
    """Knows what it took."""

    def cpu_s(self) -> float | None:
        """Processor time so far; None where the system does not tell."""
        ...


Starter = Callable[[], Awaitable[TimedEngine]]


class Timing(msgspec.Struct, frozen=True):
    """How one library did. Times in seconds, from pcm to text, the least of all turns: processor
    time where the system tells, as what else runs on a machine changes that little."""

    one_s: float = 0.0
    """One window alone."""
    together_s: float = 0.0
    """`N_TOGETHER` windows; 0 where there was no time for so many."""
    failure: str = ""
    """Why there are no times."""


class Measured(msgspec.Struct, frozen=True):
    """What to use for a model, and why."""

    library: LibraryName
    reason: str
    figures: dict[LibraryName, Timing]
    day: str
    model: str


def known(cache: Path, model: Path, compute_type: str, threads: int) -> Measured | None:
    """What was measured for the folder of a model; None: nothing yet, or under other conditions."""
    return _read(cache / FILE).get(_key(model, compute_type, threads))


def can_keep(cache: Path) -> bool:
    """Whether what is measured will be known at the next start."""
    try:
        with _beside(cache) as beside:
            beside.write_bytes(bytes(_ROOM_BYTES))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _beside(cache: Path) -> Iterator[Path]:
    """A file beside the one in the cache, which is gone afterwards, unless it was renamed."""
    cache.mkdir(parents=True, exist_ok=True)
    beside = cache / f"{FILE}.{os.getpid()}.part"
    try:
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def keep(cache: Path, model: Path, compute_type: str, threads: int, found: Measured) -> None:
    """Remember a measurement. Where that is not possible, the next start measures again."""
    entries = _read(cache / FILE)
    entries.pop(key := _key(model, compute_type, threads), None)
    entries[key] = found
    try:
        with _beside(cache) as beside:
            beside.write_bytes(msgspec.json.encode(dict(list(entries.items())[-MAX_ENTRIES:])))
            beside.replace(cache / FILE)
    except OSError as exc:
        _log.warning("what was measured is not kept in %s: %s", cache / FILE, exc)


async def measure(
    starters: dict[LibraryName, Starter],
    vocabulary: Vocabulary,
    name: str,
    clock: Callable[[], float] = time.monotonic,
) -> Measured:
    """Read the clip with both libraries, by turns, of which the first counts only if it is the
    last: some things happen only once. Never raises for a library that fails: the other is the
    choice then."""
    prompt = prompting.start(vocabulary, "transcribe", "en" if vocabulary.multilingual else "")
    attempts = [_Attempt(library, start, prompt) for library, start in starters.items()]
    began_s = clock()
    try:
        for turn in range(1 + N_TURNS + MORE_TURNS):
            limit_s = MORE_UNTIL_S if turn > N_TURNS else LIMIT_S
            if turn and clock() - began_s > limit_s:
                break
            for attempt in attempts:
                await attempt.turn(is_first=turn == 0)
    finally:
        for attempt in attempts:
            await attempt.close()
    figures = {attempt.library: attempt.figures for attempt in attempts}
    library, reason = _verdict(figures, {attempt.library: attempt.ids for attempt in attempts})
    return Measured(library, reason, figures, time.strftime("%Y-%m-%d"), name)


@dataclass
class _Attempt:
    """One library's part."""

    library: LibraryName
    start: Starter
    prompt: tuple[int, ...]
    ids: tuple[int, ...] = ()
    """What it hears."""
    figures: Timing = field(default_factory=Timing)
    engine: TimedEngine | None = None

    async def turn(self, *, is_first: bool) -> None:
        """Read one window, and several unless it is the first turn, or that failed before."""
        if self.figures.failure:
            return
        try:
            self.engine = self.engine or await self.start()
            one, one_s = await self._timed(1)
            together, together_s = ([], 0.0) if is_first else await self._timed(N_TOGETHER)
        except (AuricleError, EngineDied) as exc:
            self.figures = Timing(failure=str(exc))
            return
        before = self.figures
        self.ids = one[0] if one else ()
        if together != [self.ids] * (0 if is_first else N_TOGETHER):
            self.figures = Timing(failure="windows say something else in company")
        elif before.together_s:
            self.figures = Timing(min(before.one_s, one_s), min(before.together_s, together_s))
        else:
            self.figures = Timing(one_s, together_s)

    async def close(self) -> None:
        if self.engine is not None:
            await self.engine.close()

    async def _timed(self, n_windows: int) -> tuple[list[tuple[int, ...]], float]:
        assert self.engine is not None
        began_s, began_cpu_s = time.perf_counter(), self.engine.cpu_s()
        texts = await _read_windows(self.engine, n_windows, self.prompt)
        took_s, cpu_s = time.perf_counter() - began_s, self.engine.cpu_s()
        if began_cpu_s is None or cpu_s is None or cpu_s <= began_cpu_s:
            return texts, took_s
        return texts, cpu_s - began_cpu_s


async def _read_windows(
    engine: Engine, n_windows: int, prompt: tuple[int, ...]
) -> list[tuple[int, ...]]:
    pcm = clip().tobytes()
    free = asyncio.Semaphore(engine.info.workers)

    async def encode(state_id: int) -> None:
        async with free:
            row = EncodeRow(state_id, pcm)
            await engine.encode(EncodeJob((row,), N_FRAMES, is_alone=n_windows == 1))

    await asyncio.gather(*(encode(state_id) for state_id in range(n_windows)))
    rows = tuple(DecodeRow(state_id, prompt) for state_id in range(n_windows))
    job = DecodeJob(rows, beam_size=5, temperature=0.0, max_new_tokens=MAX_TOKENS)
    async with contextlib.aclosing(engine.decode(job)) as replies:
        found = [reply.ids async for reply in replies if isinstance(reply, Hypothesis)]
    await engine.release(ReleaseJob(tuple(range(n_windows))))
    return found


def _verdict(
    figures: dict[LibraryName, Timing], texts: dict[LibraryName, tuple[int, ...]]
) -> tuple[LibraryName, str]:
    ours, other = figures["openvino"], figures["ctranslate2"]
    if ours.failure:
        return "ctranslate2", f"OpenVINO failed: {ours.failure}"
    if other.failure:
        return "openvino", f"CTranslate2 failed: {other.failure}"
    alike = difflib.SequenceMatcher(None, texts["openvino"], texts["ctranslate2"], False).ratio()
    if not texts["openvino"] or alike < ALIKE:
        return "ctranslate2", "OpenVINO's text is another"
    faster = [other.one_s / ours.one_s]
    compared = f"OpenVINO is {faster[0]:.2f} × as fast with one window"
    if ours.together_s:
        faster.append(other.together_s / ours.together_s)
        compared += f", {faster[1]:.2f} × with four"
    # as fast is enough: it tells words as they are decided, places them on the way, leaves loops
    is_chosen = min(faster) >= AS_FAST and math.prod(faster) >= 1
    return ("openvino" if is_chosen else "ctranslate2"), compared


def clip() -> Pcm:
    """Eleven seconds of English, stored by the μ-law."""
    stored = np.load(CLIP).astype(np.float32) / np.float32(127.5) - np.float32(1)
    pcm: Pcm = np.sign(stored) * (np.float32(256) ** np.abs(stored) - 1) / np.float32(255)
    return np.asarray(pcm, np.float32)


def _key(model: Path, compute_type: str, threads: int) -> str:
    weights = model / WEIGHTS
    status = weights.stat()
    described = (
        _VERSION,
        __version__,
        metadata.version("ctranslate2"),
        openvino_version(),
        machine.processor(),
        str(weights.resolve()),
        status.st_size,
        status.st_mtime_ns,
        compute_type,
        machine.share_cores(threads),
    )
    return hashlib.sha256(repr(described).encode()).hexdigest()


def _read(path: Path) -> dict[str, Measured]:
    """All that is kept; nothing where that is no such file."""
    try:
        return msgspec.json.decode(small_file.read(path, MAX_FILE_BYTES), type=dict[str, Measured])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as exc:
        _log.warning("%s cannot be read, and is made again: %s", path, exc)
        return {}
