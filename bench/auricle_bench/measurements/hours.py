"""One live session of hours, fed as fast as it is taken: what it grows by, whether times stay.

Knows nothing about where memory goes. The same sentence is said at the end of every other minute,
over the noise of a quiet room, so that four hours take some minutes of processor time; its first
word tells how far the session's times have drifted. Once it is heard nothing is on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from auricle.cli.listening import remote
from auricle.cli.listening.remote_options import RemoteOptions
from auricle.cli.listening.speech import FinishedTurn, Speech
from auricle.types import SAMPLE_RATE, Pcm
from auricle_bench.measurements import recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import SAMPLE, Setup
from auricle_bench.processes import Watch

PERIOD_S = 120
HOURS, QUICK_HOURS = 4.0, 1.0
WARM_SHARE = 0.1
"""Of the session, after which the server has all it needs and should not grow any more."""

TAIL_S = 2
"""Silence behind the sentence, in which its turn ends."""

ROOM_RMS = 3e-4
PIECE = SAMPLE_RATE // 4


@dataclass(slots=True)
class _Heard:
    """``starts_s`` of the first words of each saying, after its beginning; empty: not heard."""

    starts_s: list[float | None] = field(default_factory=list)
    n_words: list[int] = field(default_factory=list)
    rss_bytes: list[int] = field(default_factory=list)


def run(setup: Setup) -> Figures:
    n = round(3600 * (QUICK_HOURS if setup.quick else HOURS) / PERIOD_S)
    with server.auricle(setup.model, ("--max-live-s", str(2 * n * PERIOD_S))) as ours:
        asked = RemoteOptions(ours.url, language="en")
        heard = asyncio.run(_session(asked, n, Watch(ours.pid)))
    n_warm = max(1, round(WARM_SHARE * n))
    grown_bytes = max(heard.rss_bytes) - heard.rss_bytes[n_warm]
    starts_s = [start_s for start_s in heard.starts_s if start_s is not None]
    drift_s = median(starts_s[-n_warm:]) - median(starts_s[:n_warm])
    hours = n * PERIOD_S / 3600
    rows = [
        ("the sentence was said, and heard", f"{n} and {len(starts_s)} times", "as often"),
        (
            "words of a saying, fewest and most",
            f"{min(heard.n_words)} and {max(heard.n_words)}",
            "",
        ),
        ("memory after a tenth, all processes", f"{heard.rss_bytes[n_warm] / 1e6:.0f} MB", ""),
        ("**grown by since, at most**", f"**{grown_bytes / 1e6:.1f} MB**", "20 MB"),
        ("**times later at the end than at first**", f"**{1000 * drift_s:.0f} ms**", "20 ms"),
    ]
    data = {
        "hours": hours,
        "starts_s": heard.starts_s,
        "n_words": heard.n_words,
        "rss_bytes": heard.rss_bytes,
    }
    caption = f"A session of {hours:g} h over `/v1/realtime`, a sentence every {PERIOD_S} s:"
    return Figures([Table(caption, ("", "", "wanted, at most"), rows)], data)


async def _session(asked: RemoteOptions, n: int, watch: Watch) -> _Heard:
    said: list[FinishedTurn] = []
    news = asyncio.Condition()
    heard = _Heard()
    async with remote.opened(asked) as speech:
        sending = asyncio.create_task(_send(speech, n, said, news, watch, heard))
        async for each in speech:
            if isinstance(each, FinishedTurn):
                async with news:
                    said.append(each)
                    news.notify_all()
        await sending
    words = [word for each in said for word in each.words]
    for i in range(n):
        own = [w.start_s for w in words if i <= w.start_s / PERIOD_S < i + 1]
        heard.starts_s.append(own[0] - i * PERIOD_S if own else None)
        heard.n_words.append(len(own))
    return heard


async def _send(
    speech: Speech,
    n: int,
    said: Sequence[FinishedTurn],
    news: asyncio.Condition,
    watch: Watch,
    heard: _Heard,
) -> None:
    """Say it so often, each time once the one before was heard: else nothing would be measured but
    what is on its way."""
    period = _period()
    for i in range(n):
        for first in range(0, len(period), PIECE):
            await speech.send(period[first : first + PIECE])
        async with news:
            await news.wait_for(lambda: bool(said) and said[-1].end_s > i * PERIOD_S)  # noqa: B023  # at once
        heard.rss_bytes.append(watch.sample())
    await speech.finish()


def _period() -> Pcm:
    pcm = recordings.read(SAMPLE).astype(np.float32) / np.float32(32768)
    room = np.random.default_rng(3).normal(0.0, ROOM_RMS, PERIOD_S * SAMPLE_RATE)
    period: Pcm = room.astype(np.float32)
    stop = len(period) - TAIL_S * SAMPLE_RATE
    period[stop - len(pcm) : stop] += pcm
    return period
