"""Opens a file to be transcribed: admits it, lends it a decoder, and reads it in the way that is
asked for: as it is, channel by channel, or with the speakers that are heard in it.

Knows nothing about models' names, or how segments are found.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from auricle.channel_segments import by_channel
from auricle.diarize import Diarizer, Part
from auricle.media.pool import DecoderPool
from auricle.queue.admission import Admission
from auricle.reading.ledger import Ledger
from auricle.reading.model import ReadingModel
from auricle.reading.recording_language import RecordingLanguage
from auricle.reading.times import RecordingTimes
from auricle.segment_stream import SegmentStream
from auricle.speaker_segments import spoken
from auricle.telemetry.observe import NULL_OBSERVER
from auricle.transcribe import SHORT_S, Transcription
from auricle.types import DecodeOptions

BYTES_PER_S = 16_000
"""What a second of audio is taken to have, in bytes, until its file was opened: 128 kbit/s, between
speech codecs and PCM."""

UNOPENED_S = 60.0
"""What a file counts as at most before it was opened: a gigabyte that is no audio is not hours of
work for which everybody else is told to wait."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A file, and how it is to be read. ``key`` is whose file it is, for the limit per client. With
    a ``ledger`` it is read when nothing else is, without the windows that are in there already, and
    no limit refuses it."""

    decoders: DecoderPool
    model: ReadingModel
    path: Path
    options: DecodeOptions
    key: str = ""
    ledger: Ledger | None = None

    def as_asked(self, diarizer: Diarizer) -> AbstractAsyncContextManager[SegmentStream]:
        """As the options ask: as it is, by channel, or with the speakers that are heard. Raises
        what `plain` and `Diarizer.diarize` raise."""
        options, speakers = self.options, self.options.speakers
        if speakers is None:
            return self.plain()
        if speakers.by_channel:
            return by_channel(self.channel)
        part = Part(options.audio_track, options.audio_channel)
        is_long = guess_s(self.path) > SHORT_S
        return spoken(self.plain(), diarizer.diarize(self.path, speakers, part, is_long=is_long))

    def channel(self, number: int) -> AbstractAsyncContextManager[Transcription]:
        """One channel of the file, from 0; see `plain`."""
        return replace(self, options=replace(self.options, audio_channel=number)).plain()

    @asynccontextmanager
    async def plain(self) -> AsyncIterator[Transcription]:
        """Admit the file and open it; leaving the context early cancels what is queued.

        Raises:
            Overloaded: too much work is waiting, of everybody or of this client.
            BadMedia: the file is not audio, or over a limit; also while iterating.
        """
        options, ledger = self.options, self.ledger
        guessed_s = guess_s(self.path)
        times = RecordingTimes(self.model.observer if ledger is None else NULL_OBSERVER)
        ledger = None if ledger is None else ledger.part(options.audio_channel)
        with self._admitted(guessed_s) as admission:
            opened = self.decoders.open(
                self.path,
                is_long=guessed_s > SHORT_S,
                audio_track=options.audio_track,
                audio_channel=options.audio_channel,
            )
            async with opened as recording:
                declared_s = recording.declared_s
                expected_s = guessed_s if declared_s is None else declared_s
                admission.expect(expected_s)
                if ledger is not None:
                    ledger.expect(expected_s)
                language = RecordingLanguage.kept(options, ledger)
                transcription = Transcription(
                    options, recording, self.model, admission, language, ledger, times
                )
                try:
                    yield transcription
                finally:
                    await transcription.close()

    def _admitted(self, guessed_s: float) -> AbstractContextManager[Admission]:
        if self.ledger is not None:
            return self.model.queue.admit_background()
        return self.model.queue.admit(self.key, min(guessed_s, UNOPENED_S))


def guess_s(path: Path) -> float:
    """How long a recording is, before anybody has looked into it."""
    return path.stat().st_size / BYTES_PER_S
