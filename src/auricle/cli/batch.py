"""Transcribe many recordings, a few at a time, with the runtime the server uses.

Knows nothing about where they came from or how the answers look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator

from auricle.cli import inputs, streams
from auricle.cli.inputs import Input
from auricle.cli.output import Meter, Output
from auricle.errors import as_auricle_error
from auricle.runtime import Runtime
from auricle.transcribe import transcript_of
from auricle.types import DecodeOptions, Transcript
from auricle.whisper import languages

AT_ONCE = 2
"""Recordings in work at one time: while one ends, the next already fills the batches."""


async def run(runtime: Runtime, found: list[Input], options: DecodeOptions, output: Output) -> int:
    """Start the runtime, transcribe everything, stop it; 1 if any recording failed.

    Raises:
        auricle.errors.AuricleError: the model cannot be loaded.
        OSError: whoever read the output has gone; see `streams.is_reader_gone`.
    """
    try:
        await runtime.start()
        if runtime.failure is not None:
            raise runtime.failure
        if options.speakers is not None:
            await runtime.load_speakers()
        meter = Meter(len(found))
        try:
            waiting = iter(enumerate(found))
            work = (_work(waiting, runtime, options, output, meter) for _ in range(AT_ONCE))
            return 0 if all(await _together(*work)) else 1
        finally:
            meter.close()
    finally:
        await runtime.stop()


async def _together(*work: Coroutine[None, None, bool]) -> list[bool]:
    """The results of all; what one of them raises ends the others."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _work(
    waiting: Iterator[tuple[int, Input]],
    runtime: Runtime,
    options: DecodeOptions,
    output: Output,
    meter: Meter,
) -> bool:
    """Take recordings until none waits; whether all of them went well."""
    went_well = True
    for index, recording in waiting:
        segments = []
        transcript = None
        try:
            inputs.check(recording.path)
            async with runtime.open(recording.path, options) as transcription:
                async for segment in transcription:
                    segments.append(segment)
                    output.segment(index, segment)
                    meter.reached(index, segment.end_s)
                meter.reached(index, transcription.duration_s)
                transcript = transcript_of(transcription, segments)
            output.finish(index, transcript)
            for remark in _remarks(transcript, options):
                meter.report(f"auricle: {recording.label}: {remark}")
        except Exception as exc:  # the border: the other recordings are still done
            if isinstance(exc, OSError) and streams.is_reader_gone(exc):
                raise
            went_well = False
            output.finish(index, None)
            meter.report(f"auricle: error: {recording.label}: {as_auricle_error(exc).message}")
        meter.finish()
    return went_well


def _remarks(transcript: Transcript, options: DecodeOptions) -> Iterator[str]:
    """What is to be said of a recording besides its text."""
    track = transcript.track
    if track is not None and track.count > 1 and options.audio_track is None:
        language = languages.NAMES.get(track.language or "", track.language)
        said = f" ({language})" if language else ""
        yield (
            f"read audio track {track.number} of {track.count}{said}; --audio-track picks another"
        )
    for warning in transcript.warnings:
        yield f"warning: {warning}"
