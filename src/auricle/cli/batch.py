"""Transcribe many recordings, a few at a time, with the runtime the server uses.

Knows nothing about where they came from or how the answers look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

from auricle.cli import inputs, streams
from auricle.cli.inputs import Input
from auricle.cli.output import Meter, Output
from auricle.errors import as_auricle_error
from auricle.jobs.resuming import Resuming
from auricle.runtime import Runtime
from auricle.segment_stream import SegmentStream, transcript_of
from auricle.types import DecodeOptions, Transcript
from auricle.whisper import languages

AT_ONCE = 2
"""Recordings in work at one time: while one ends, the next already fills the batches."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What all recordings of a run have in common, and where the answers go."""

    runtime: Runtime
    options: DecodeOptions
    output: Output
    meter: Meter
    resuming: Resuming | None


async def run(
    runtime: Runtime,
    found: list[Input],
    options: DecodeOptions,
    output: Output,
    kept: AbstractAsyncContextManager[Resuming] | None = None,
) -> int:
    """Start the runtime, transcribe everything, stop it; 1 if any recording failed. ``kept`` is
    where it is kept what was read, for the next time.

    Raises:
        auricle.errors.AuricleError: the model cannot be loaded, or what is kept not be had.
        OSError: whoever read the output has gone; see `streams.is_reader_gone`.
    """
    async with AsyncExitStack() as stack:
        resuming = None if kept is None else await stack.enter_async_context(kept)
        stack.push_async_callback(runtime.stop)
        await runtime.start()
        if runtime.failure is not None:
            raise runtime.failure
        if options.speakers is not None:
            await runtime.load_speakers()
        meter = Meter(len(found))
        stack.callback(meter.close)
        work = BatchPlan(runtime, options, output, meter, resuming)
        waiting = iter(enumerate(found))
        went_well = await _together(*(_work(waiting, work) for _ in range(AT_ONCE)))
        return 0 if all(went_well) else 1


async def _together(*work: Coroutine[None, None, bool]) -> list[bool]:
    """The results of all; what one of them raises ends the others."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _work(waiting: Iterator[tuple[int, Input]], work: BatchPlan) -> bool:
    """Take recordings until none waits; whether all of them went well."""
    went_well = True
    for index, recording in waiting:
        try:
            inputs.check(recording.path)
            transcript = await _transcribed(index, recording, work)
            work.output.finish(index, transcript)
            for remark in _remarks(transcript, work.options):
                work.meter.report(f"auricle: {recording.label}: {remark}")
        except Exception as exc:  # the border: the other recordings are still done
            if isinstance(exc, OSError) and streams.is_reader_gone(exc):
                raise
            went_well = False
            work.output.finish(index, None)
            work.meter.report(f"auricle: error: {recording.label}: {as_auricle_error(exc).message}")
        work.meter.finish()
    return went_well


async def _transcribed(index: int, recording: Input, work: BatchPlan) -> Transcript:
    """Read a recording, or what is left of it; its segments are told as they come."""
    resuming = None if recording.is_copy else work.resuming
    if resuming is None:
        async with work.runtime.open(recording.path, work.options) as transcription:
            return await _collected(index, transcription, work)
    model = work.runtime.model_id
    begun = await resuming.begin(recording.path, work.options, model)
    if begun.transcript is not None:
        for segment in begun.transcript.segments:
            work.output.segment(index, segment)
        return begun.transcript
    opened = work.runtime.open(recording.path, work.options, ledger=begun.ledger)
    async with opened as transcription:
        transcript = await _collected(index, transcription, work)
    await resuming.complete(begun, transcript)
    return transcript


async def _collected(index: int, transcription: SegmentStream, work: BatchPlan) -> Transcript:
    segments = []
    async for segment in transcription:
        segments.append(segment)
        work.output.segment(index, segment)
        work.meter.reached(index, segment.end_s)
    work.meter.reached(index, transcription.duration_s)
    return transcript_of(transcription, segments)


def _remarks(transcript: Transcript, options: DecodeOptions) -> Iterator[str]:
    """What is to be said of a recording besides its text."""
    track = transcript.track
    if track is not None and track.count > 1 and options.audio_track is None:
        language = languages.NAMES.get(track.language or "", track.language)
        suffix = f" ({language})" if language else ""
        yield (
            f"read audio track {track.number} of {track.count}{suffix}; --audio-track picks another"
        )
    for warning in transcript.warnings:
        yield f"warning: {warning}"
