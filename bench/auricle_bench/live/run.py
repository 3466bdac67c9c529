"""So many live streams at a time, each at the pace it is spoken, and what becomes of them.

Knows nothing about which server it is. Streams begin one after the other, within a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

import msgspec

from auricle.cli.listening.speech import Caption, FinishedTurn, Speech, SpeechEvent
from auricle.errors import AuricleError
from auricle.types import SAMPLE_RATE
from auricle_bench.live.measures import Measures, Shown
from auricle_bench.live.played import Played
from auricle_bench.processes import Watch, watching
from auricle_bench.summary import Percentiles, Usage, percentiles

PIECE_S: Final = 0.05
PIECE: Final = round(PIECE_S * SAMPLE_RATE)
FINISH_S: Final = 60.0
"""How long the last text of a stream may take."""

Open = Callable[[], AbstractAsyncContextManager[Speech]]


@dataclass(slots=True)
class Log:
    """What one stream was told, by seconds since its first sample; ``failure`` is why it ended
    early."""

    played: Played
    heard: list[tuple[float, SpeechEvent]] = field(default_factory=list)
    failure: str | None = None
    worst_late_s: float = 0.0
    """How late its audio was sent at worst: then the client is to blame."""


class Streams(msgspec.Struct, frozen=True):
    """What a number of streams at a time amounts to. Delays are seconds since a word, or the last
    word of a clip, was over; ``corrections`` are tentative words changed, a minute of audio."""

    n_streams: int
    n_failed: int
    audio_s: float
    tentative: Percentiles | None
    commit: Percentiles | None
    final: Percentiles | None
    corrections: float
    n_retracted: int
    n_words: int
    n_errors: int
    late_s: float
    server: Usage | None = None
    """Of the whole server; its memory is what it took more than before."""
    complaint: str | None = None
    offline_error_rate: float | None = None
    """Of the same sound, read whole."""

    @property
    def error_rate(self) -> float:
        return self.n_errors / self.n_words if self.n_words else 0.0

    @property
    def cpu_share(self) -> float | None:
        """Of a core, for one stream while it plays."""
        return None if self.server is None else self.server.cpu_s / max(self.audio_s, 1e-9)

    @property
    def rss_bytes(self) -> int | None:
        """For one stream."""
        return None if self.server is None else self.server.peak_rss_bytes // self.n_streams


async def measured(
    open_speech: Open,
    played: Sequence[Played],
    pid: int | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Streams:
    """Play all at a time; ``pid`` is the server's process, if its use is to be measured."""
    if pid is None:
        return summarised(await _play(open_speech, played, sleep))
    before = Watch(pid).sample()
    async with watching(pid) as watch:
        logs = await _play(open_speech, played, sleep)
    used = watch.usage()
    return summarised(logs, Usage(used.cpu_s, max(0, used.peak_rss_bytes - before)))


async def _play(
    open_speech: Open, played: Sequence[Played], sleep: Callable[[float], Awaitable[None]]
) -> list[Log]:
    async def after(delay_s: float, each: Played) -> Log:
        await sleep(delay_s)
        return await one(open_speech, each, sleep)

    delays = [i / len(played) for i in range(len(played))]
    return list(await asyncio.gather(*map(after, delays, played)))


async def one(
    open_speech: Open,
    played: Played,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.perf_counter,
) -> Log:
    """Play one stream to its end. Never raises for what the server does."""
    log = Log(played)
    try:
        async with open_speech() as speech:
            begun_s = clock()
            sending = asyncio.create_task(_send(speech, log, begun_s, sleep, clock))
            try:
                async with asyncio.timeout(played.duration_s + FINISH_S):
                    async for heard in speech:
                        log.heard.append((clock() - begun_s, heard))
                    await sending
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
    except AuricleError as exc:
        log.failure = exc.message
    except TimeoutError:
        log.failure = f"the last text did not come within {FINISH_S:g} s"
    return log


async def _send(
    speech: Speech,
    log: Log,
    begun_s: float,
    sleep: Callable[[float], Awaitable[None]],
    clock: Callable[[], float],
) -> None:
    pcm = log.played.pcm
    for first in range(0, len(pcm), PIECE):
        piece = pcm[first : first + PIECE]
        due_s = begun_s + (first + len(piece)) / SAMPLE_RATE  # it has been spoken by then
        await sleep(max(0.0, due_s - clock()))
        log.worst_late_s = max(log.worst_late_s, clock() - due_s)
        await speech.send(piece)
    await speech.finish()


def summarised(logs: Sequence[Log], server: Usage | None = None) -> Streams:
    """What the logs of streams that were played at a time amount to."""
    measures = Measures()
    for log in logs:
        if log.failure is None:
            _count(log, measures)
    played_s = sum(log.played.duration_s for log in logs if log.failure is None)
    failures = [log.failure for log in logs if log.failure is not None]
    return Streams(
        n_streams=len(logs),
        n_failed=len(failures),
        audio_s=played_s,
        tentative=percentiles(measures.tentative_s),
        commit=percentiles(measures.commit_s),
        final=percentiles(measures.final_s),
        corrections=60 * measures.n_corrections / played_s if played_s else 0.0,
        n_retracted=measures.n_retracted,
        n_words=measures.n_units,
        n_errors=measures.n_errors,
        late_s=max(log.worst_late_s for log in logs),
        server=server,
        complaint=failures[0] if failures else None,
    )


def _count(log: Log, measures: Measures) -> None:
    """Add a stream to the figures."""
    said: list[str] = []
    shown: list[Shown] = []
    for at_s, heard in log.heard:
        if isinstance(heard, FinishedTurn):
            said.append(heard.text)
            ended = [end_s for end_s in log.played.speech_ends_s if end_s <= at_s]
            if ended:
                measures.final_s.append(at_s - ended[-1])
        if isinstance(heard, Caption | FinishedTurn):
            sure = " ".join([*said, heard.committed] if isinstance(heard, Caption) else said)
            rest = heard.tentative if isinstance(heard, Caption) else ""
            shown.append(Shown(at_s, sure, sure + rest))
    before = ""
    for each in shown:
        committed = _letters(each.committed)
        measures.n_retracted += not committed.startswith(before)
        before = committed
    measures.follow(shown, " ".join(said), log.played.reference)


def _letters(text: str) -> str:
    """What must not change of committed text. Not its words as they are counted: "two" becomes
    "2000" when "thousand" follows."""
    return "".join(c for c in text.casefold() if c.isalnum())
