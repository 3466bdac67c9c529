"""Reads what a live session asks for with a model in this process, and says what that costs.

Knows nothing about sessions or clocks. Windows are read as the server reads them.
"""

from __future__ import annotations

import asyncio
import hashlib
import shelve
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from auricle.engine import machine
from auricle.settings.config import Settings

machine.keep_freed_memory()

from auricle.engine import loading, protocol  # noqa: E402  # the allocator must be told before it is loaded
from auricle.engine.model import Library, Loading, Model  # noqa: E402
from auricle.engine.protocol import (  # noqa: E402
    Aligned,
    AlignJob,
    DecodeJob,
    DecodeRow,
    DetectJob,
    EncodeJob,
    EncodeRow,
)
from auricle.live.effects import ReadRequest, ReadResult  # noqa: E402
from auricle.live.recognition import HURRIED_MARGIN_S, MARGIN_S, ReadMode, Recognizer  # noqa: E402
from auricle.models.fetch import locate  # noqa: E402
from auricle.reading.jobs import DecodeSettings  # noqa: E402
from auricle.types import SAMPLE_RATE, DecodeOptions, Language, LibraryName, Pcm  # noqa: E402
from auricle.whisper import prompting  # noqa: E402
from auricle.whisper.prompting import Prompt  # noqa: E402
from auricle.whisper.vocabulary import Vocabulary  # noqa: E402

OFFLINE_MARGIN_S = 10.0

_STATE = 1
"""The one window there is at a time."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reading:
    """How requests are read: what is tuned besides a session's own options."""

    partial_margin_s: float = MARGIN_S["partial"]
    """Silence behind the audio."""
    hurried_margin_s: float = HURRIED_MARGIN_S
    final_margin_s: float = MARGIN_S["final"]
    beam_size: int = 5


@dataclass(slots=True)
class Cost:
    """Processor seconds of one request. All cores can share the encoder's part."""

    encode_s: float = 0.0
    """Mel features included."""
    decode_s: float = 0.0
    align_s: float = 0.0
    other_s: float = 0.0
    """What the server does with it: words, their times."""

    @property
    def total_s(self) -> float:
        return self.encode_s + self.decode_s + self.align_s + self.other_s


class Engine:
    """A model on one core. With a place to keep answers in, what was asked before costs what it did
    then and no time: two policies are compared on the same figures."""

    def __init__(
        self,
        name: str,
        reading: Reading,
        library: LibraryName = "ctranslate2",
        kept: Path | None = None,
    ) -> None:
        found = locate(name, Settings())
        compute_type = "int8" if library == "ctranslate2" else "auto"
        self._model = loading.load(found.path, Loading("cpu", compute_type, 1, Library(library)))
        self._asked = (name, library, reading)
        self._kept: MutableMapping[str, tuple[ReadResult, Cost]] = (
            shelve.open(kept / "answers") if kept else {}  # noqa: SIM115  # until the run ends
        )
        margins = {"partial": reading.partial_margin_s, "final": reading.final_margin_s}
        self._recognizer = Recognizer(
            found.vocabulary,
            found.late_s,
            DecodeOptions(beam_size=reading.beam_size),
            hurried_margin_s=reading.hurried_margin_s,
            margins_s=margins,  # type: ignore[arg-type]  # its keys are kinds
        )

    def read(self, request: ReadRequest, *, is_hurried: bool) -> tuple[ReadResult, Cost]:
        """What a session takes for an answer, and what it cost."""
        key = self._key(request, is_hurried)
        if key not in self._kept:
            self._kept[key] = self._read(self._recognizer, request, is_hurried=is_hurried)
        return self._kept[key]

    def _key(self, request: ReadRequest, is_hurried: bool) -> str:
        asked = (request.kind, request.start_s, request.prefix, request.draft, request.language)
        digest = hashlib.sha256(repr((self._asked, asked, is_hurried)).encode())
        digest.update(request.pcm.tobytes())
        return digest.hexdigest()

    def read_whole(self, pcm: Pcm, language: str | None) -> str:
        """The text of a clip of up to 28 s read at once, as a file is."""
        end_s = len(pcm) / SAMPLE_RATE
        request = ReadRequest(0, 0, "final", 0.0, end_s, pcm, (), (), "", language)
        recognizer = replace(self._recognizer, margins_s={"final": OFFLINE_MARGIN_S})
        answer, _ = self._read(recognizer, request)
        return "".join(word.text for word in answer.words)

    def _read(
        self, recognizer: Recognizer, request: ReadRequest, *, is_hurried: bool = False
    ) -> tuple[ReadResult, Cost]:
        audio = _Audio(self._model, request.pcm)
        began_s = time.process_time()
        answer = asyncio.run(recognizer.read(audio, request, ReadMode(is_hurried=is_hurried)))
        took_s = time.process_time() - began_s
        self._model.release([_STATE])
        audio.cost.other_s = took_s - audio.cost.total_s
        return answer, audio.cost


@dataclass(slots=True)
class _Audio:
    """A window at the model itself."""

    model: Model
    pcm: Pcm
    cost: Cost = field(default_factory=Cost)

    async def encode(self, n_frames: int) -> None:
        job = EncodeJob((EncodeRow(_STATE, self.pcm.tobytes()),), n_frames)
        _, took_s = _timed(lambda: self.model.encode(job))
        self.cost.encode_s += took_s

    async def detect_language(self, vocabulary: Vocabulary, allowed: tuple[str, ...]) -> Language:
        found = self.model.detect_language(DetectJob(_STATE))
        return prompting.likeliest(vocabulary, found.languages, allowed)

    async def decode(
        self, prompt: Prompt, settings: DecodeSettings, *, n_align_frames: int
    ) -> protocol.Hypothesis:
        row = DecodeRow(
            _STATE, prompt.ids, prompt.prefix, draft=prompt.draft, n_align_frames=n_align_frames
        )
        job = DecodeJob(
            (row,),
            beam_size=settings.beam_size,
            temperature=settings.temperature,
            max_new_tokens=settings.max_new_tokens,
            patience=settings.patience,
            suppress_tokens=settings.suppress_tokens,
            stops_on_loops=settings.stops_on_loops,
            trims_loops=settings.trims_loops,
        )
        said, took_s = _timed(lambda: list(self.model.decode(job)))
        self.cost.decode_s += took_s
        [found] = [each for each in said if isinstance(each, protocol.Hypothesis)]
        return found

    async def align(self, prompt: Prompt, ids: tuple[int, ...], n_frames: int) -> Aligned:
        job = AlignJob(_STATE, prompt.ids, ids, n_frames)
        found, took_s = _timed(lambda: self.model.align(job))
        self.cost.align_s += took_s
        return found


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    began_s = time.process_time()
    return work(), time.process_time() - began_s
