"""Who speaks when in a recording: it is decoded, heard by the speaker process, voices get names.

Knows nothing about text. The recording is decoded for this alone, beside whoever reads it: so
voices never wait for words, nor words for voices, and what a process that died had heard is heard
again.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.errors import BadMedia, EngineFailed, InvalidRequest
from auricle.hosting.speaker_host import SpeakerHost
from auricle.media.pool import DecoderPool
from auricle.speakers import known
from auricle.speakers.clustering import Bounds
from auricle.speakers.diarization import Voices
from auricle.speakers.labels import labels
from auricle.speakers.process import SpeakerProcess, SpeakersDied
from auricle.speakers.turns import Turn
from auricle.telemetry import tracing
from auricle.telemetry.observe import NULL_OBSERVER, Observer, span
from auricle.types import AudioTrack, KnownVoice, Speaker, SpeakerOptions

MAX_REFERENCE_S = 30.0
"""How long the recording of a known voice may be; 2 to 10 s are best."""

ATTEMPTS = 3
"""How often a recording is heard, the last time alone, before what dies with it is its fault."""

REFERENCES = "known_speaker_references"
"""The field references come in, for messages."""

_DECIMALS = 6
"""Of embeddings: their cosines keep five."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """What of a file is heard: see `DecodeOptions`."""

    audio_track: str | None = None
    audio_channel: int | None = None


WHOLE = Part()
"""The best track, its channels mixed."""


@dataclass(frozen=True, slots=True)
class Diarization:
    """Who speaks when, and what is known of the recording once all of it was heard."""

    speakers: tuple[Speaker, ...]
    """In the order in which they are first heard."""
    turns: tuple[Turn, ...]
    """By their start; a turn's ``speaker`` is a place in ``speakers``."""
    duration_s: float
    track: AudioTrack | None = None
    warnings: tuple[str, ...] = ()
    """What could not be read, and what is wrong with references."""


@dataclass(frozen=True, slots=True)
class _Found:
    voices: Voices
    duration_s: float
    track: AudioTrack | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diarizer:
    """Hears recordings with one pool of decoders and one speaker process."""

    decoders: DecoderPool
    host: SpeakerHost
    load_wait_s: float | None = None
    """How long a recording waits for the process to be loaded; None: as long as it takes."""
    observer: Observer = NULL_OBSERVER

    async def diarize(
        self,
        path: Path,
        options: SpeakerOptions,
        part: Part = WHOLE,
        *,
        is_long: bool = False,
    ) -> Diarization:
        """Hear a whole file, and the references of known voices before it.

        Raises:
            BadMedia: the file is not audio, or over a limit.
            InvalidRequest: a reference is none; the message says which and why.
            EngineFailed: the process died with it three times, the last time with nothing else.
            ModelNotFound, Unavailable: see `SpeakerHost.using`.
        """
        with span(self.observer, "speakers_s"), tracing.spanning("speakers"):
            return await self._diarized(path, options, part, is_long=is_long)

    async def _diarized(
        self, path: Path, options: SpeakerOptions, part: Part, *, is_long: bool
    ) -> Diarization:
        for attempt in range(1, ATTEMPTS + 1):
            is_last = attempt == ATTEMPTS
            async with self.host.using(self.load_wait_s, alone=is_last) as process:
                try:
                    people = [
                        await self._known(process, voice, place)
                        for place, voice in enumerate(options.known)
                    ]
                    bounds = Bounds(options.at_least, options.at_most)
                    found = await self._voices_in(process, path, bounds, part, is_long=is_long)
                    return _named(found, people)
                except SpeakersDied as exc:
                    if is_last:
                        raise EngineFailed(
                            f"Telling speakers apart failed {ATTEMPTS} times on this recording: "
                            f"{exc}"
                        ) from exc
                    _log.warning("the recording is heard once more for its voices: %s", exc)
        raise AssertionError

    async def _voices_in(
        self,
        process: SpeakerProcess,
        path: Path,
        bounds: Bounds,
        part: Part = WHOLE,
        *,
        is_long: bool = False,
        most_s: float | None = None,
    ) -> _Found:
        opened = self.decoders.open(
            path,
            is_long=is_long,
            audio_track=part.audio_track,
            audio_channel=part.audio_channel,
            finds_speech=False,
        )
        async with opened as recording, process.recording() as fed:
            async for chunk in recording:
                if most_s is not None and recording.duration_s > most_s:
                    raise _TooLong
                await fed.feed(chunk.pcm)
            voices = await fed.finish(bounds)
            return _Found(voices, recording.duration_s, recording.track, recording.warnings)

    async def _known(
        self, process: SpeakerProcess, voice: KnownVoice, place: int
    ) -> known.KnownVoice:
        """What somebody sounds like, from their reference."""
        param = f"{REFERENCES}[{place}]"
        with tempfile.NamedTemporaryFile(prefix="auricle-reference-") as file:
            path = Path(file.name)
            await asyncio.to_thread(path.write_bytes, voice.reference)
            try:
                found = await self._voices_in(process, path, Bounds(), most_s=MAX_REFERENCE_S)
            except _TooLong:
                raise InvalidRequest(
                    f"The reference for {voice.name!r} is longer than {MAX_REFERENCE_S:g} s; 2 to "
                    "10 s are best.",
                    param=param,
                    code="invalid_value",
                ) from None
            except BadMedia as exc:
                raise InvalidRequest(
                    f"The reference for {voice.name!r} cannot be read: {exc.message}",
                    param=param,
                    code="invalid_value",
                ) from exc
        return known.known_voice(voice.name, found.voices, param)


class _TooLong(Exception):
    """A reference goes on and on."""


def _named(found: _Found, people: Sequence[known.KnownVoice]) -> Diarization:
    voices = found.voices
    names = known.names(voices.embeddings, people)
    speech_s = [0.0] * len(names)
    for turn in voices.turns:
        speech_s[turn.speaker] += turn.end_s - turn.start_s
    speakers = tuple(
        Speaker(label, name is not None, seconds, _numbers(embedding))
        for label, name, seconds, embedding in zip(
            labels(names), names, speech_s, voices.embeddings, strict=True
        )
    )
    noisy = tuple(each.warning for each in people if each.warning is not None)
    warnings = (*found.warnings, *noisy, *_joined(voices, names, people))
    return Diarization(speakers, voices.turns, found.duration_s, found.track, warnings)


def _joined(
    voices: Voices, names: Sequence[str | None], people: Sequence[known.KnownVoice]
) -> Iterator[str]:
    """Whom the upper bound leaves no place for, though they are heard."""
    for name in known.names(voices.embeddings if voices.apart is None else voices.apart, people):
        if name is not None and name not in names:
            yield (
                f"{name!r} is heard, too, but max_speakers or num_speakers allows no more than "
                f"{len(names)}, so what this person says is told as another's."
            )


def _numbers(embedding: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(round(float(each), _DECIMALS) for each in embedding)
