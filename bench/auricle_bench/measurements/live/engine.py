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

from auricle.config import Settings
from auricle.engine import machine

machine.keep_freed_memory()

from auricle.engine import ct2, protocol  # noqa: E402  # the allocator must be told before it is loaded
from auricle.engine.protocol import (  # noqa: E402
    Aligned,
    AlignJob,
    DecodeJob,
    DecodeRow,
    DetectJob,
    EncodeJob,
    EncodeRow,
)
from auricle.live.effects import Hypothesis, ReadRequest  # noqa: E402
from auricle.live.recognition import MARGIN_S, Recognizer  # noqa: E402
from auricle.models.fetch import locate  # noqa: E402
from auricle.reading.jobs import DecodeSettings  # noqa: E402
from auricle.types import SAMPLE_RATE, DecodeOptions, Language, Pcm  # noqa: E402
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
    final_margin_s: float = MARGIN_S["final"]
    beam_size: int = 5
    """Of a final reading; partial ones are greedy."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds of one request. All cores can share the encoder's part."""

    encode_s: float
    decode_s: float


class Engine:
    """A model on one core. With a place to keep answers in, what was asked before costs what it did
    then and no time: two policies are compared on the same figures."""

    def __init__(self, name: str, reading: Reading, kept: Path | None = None) -> None:
        found = locate(name, Settings())
        self._model = ct2.Whisper(found.path, "cpu", "int8", threads=1)
        self._asked = (name, reading)
        self._kept: MutableMapping[str, tuple[Hypothesis, Cost]] = (
            shelve.open(kept / "answers") if kept else {}  # noqa: SIM115  # until the run ends
        )
        margins = {"partial": reading.partial_margin_s, "final": reading.final_margin_s}
        self._recognizer = Recognizer(
            found.vocabulary,
            found.late_s,
            DecodeOptions(beam_size=reading.beam_size),
            margins_s=margins,  # type: ignore[arg-type]  # its keys are kinds
        )

    def read(self, request: ReadRequest) -> tuple[Hypothesis, Cost]:
        """What a session takes for an answer, and what it cost."""
        key = self._key(request)
        if key not in self._kept:
            self._kept[key] = self._read(self._recognizer, request)
        return self._kept[key]

    def _key(self, request: ReadRequest) -> str:
        asked = (request.kind, request.start_s, request.prefix, request.language)
        digest = hashlib.sha256(repr((self._asked, asked)).encode())
        digest.update(request.pcm.tobytes())
        return digest.hexdigest()

    def read_whole(self, pcm: Pcm, language: str) -> str:
        """The text of a clip of up to 28 s read at once, as a file is."""
        end_s = len(pcm) / SAMPLE_RATE
        request = ReadRequest(0, 0, "final", 0.0, end_s, pcm, (), (), "", language)
        recognizer = replace(self._recognizer, margins_s={"final": OFFLINE_MARGIN_S})
        answer, _ = self._read(recognizer, request)
        return "".join(word.text for word in answer.words)

    def _read(self, recognizer: Recognizer, request: ReadRequest) -> tuple[Hypothesis, Cost]:
        began_s = time.process_time()
        audio = _Audio(self._model, request.pcm)
        answer = asyncio.run(recognizer.read(audio, request))
        self._model.release([_STATE])
        return answer, Cost(audio.encoded_s, time.process_time() - began_s - audio.encoded_s)


@dataclass(slots=True)
class _Audio:
    """A window at the model itself."""

    model: ct2.Whisper
    pcm: Pcm
    encoded_s: float = field(default=0.0)

    async def encode(self, n_frames: int) -> None:
        job = EncodeJob((EncodeRow(_STATE, self.pcm.tobytes()),), n_frames)
        _, self.encoded_s = _timed(lambda: self.model.encode(job))

    async def detect_language(self, vocabulary: Vocabulary, allowed: tuple[str, ...]) -> Language:
        found = self.model.detect_language(DetectJob(_STATE))
        return prompting.likeliest(vocabulary, found.languages, allowed)

    async def decode(self, prompt: Prompt, settings: DecodeSettings) -> protocol.Hypothesis:
        job = DecodeJob(
            (DecodeRow(_STATE, prompt.ids, prompt.prefix),),
            beam_size=settings.beam_size,
            temperature=settings.temperature,
            max_new_tokens=settings.max_new_tokens,
            patience=settings.patience,
            suppress_tokens=settings.suppress_tokens,
        )
        return next(iter(self.model.decode(job)))

    async def align(self, prompt: Prompt, ids: tuple[int, ...], n_frames: int) -> Aligned:
        return self.model.align(AlignJob(_STATE, prompt.ids, ids, n_frames))


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    began_s = time.process_time()
    return work(), time.process_time() - began_s
