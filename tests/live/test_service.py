"""What streams of a process have in common before any of them is read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from auricle.errors import Overloaded
from auricle.live.end_of_turn import EndOfTurnHost
from auricle.live.load import CONNECTED_S
from auricle.live.options import LiveOptions
from auricle.live.service import LiveService
from auricle.live.transcription import LiveTranscription
from auricle.models.fetch import FetchOptions
from auricle.reading.model import ReadingModel
from auricle.types import DecodeOptions
from tests.fakes import VOCABULARY
from tests.live.streams import Streams
from tests.waiting import until


@contextlib.asynccontextmanager
async def served(
    cache: Path,
    max_trial_s: float = 1000.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = lambda: 0.0,
) -> AsyncIterator[LiveService]:
    end_of_turn = EndOfTurnHost(FetchOptions(cache=cache), fetches=False)
    service = LiveService(20, end_of_turn, max_trial_s, sleep, clock)
    try:
        yield service
    finally:
        await service.close()


def opened(service: LiveService, streams: Streams):
    model = ReadingModel(streams.queue, VOCABULARY, 5.0)
    live = LiveOptions(language="en")
    return service.open(model, lambda options: options, live, DecodeOptions())


async def test_those_who_come_at_a_time_wait_for_one_trial(tmp_path: Path) -> None:
    async with Streams(()) as streams, served(tmp_path) as service:
        async with contextlib.AsyncExitStack() as stack:
            await asyncio.gather(
                *(stack.enter_async_context(opened(service, streams)) for _ in range(4))
            )
            [engine] = streams.engines.all
            assert [job.n_frames for job in engine.encodes] == [700, 700]
            assert service.n_streams == 4
        async with opened(service, streams):
            assert len(engine.encodes) == 2, "that was known"
    assert streams.queue.n_windows == 0


@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_trial_that_has_no_end_keeps_nobody_out(is_closed: bool, tmp_path: Path) -> None:
    max_trial_s = 1000.0 if is_closed else 0.0
    async with Streams(()) as streams, served(tmp_path, max_trial_s) as service:
        streams.engines.all[0].gate.clear()
        stream = opened(service, streams)
        entering = asyncio.create_task(stream.__aenter__())
        if is_closed:
            await until(lambda: service._measuring is not None)
            await service.close()
        await entering
        assert service.n_streams == 1
        await stream.__aexit__(None, None, None)
        streams.engines.all[0].gate.set()


class Moments:
    """Time that goes by when it is let: `sleep` and the clock of a service."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.n_waiting = 0
        self._over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        assert seconds == CONNECTED_S
        self.n_waiting += 1
        await self._over.wait()

    async def wait_for(self, n: int) -> None:
        """Return once so many wait."""
        await until(lambda: self.n_waiting == n)

    def let_pass(self) -> None:
        """A second goes by for all who wait."""
        self.now_s += CONNECTED_S
        self._over.set()
        self.n_waiting, self._over = 0, asyncio.Event()


@contextlib.asynccontextmanager
async def crowded(
    cache: Path,
) -> AsyncIterator[tuple[LiveService, Moments, Callable[[], Awaitable[LiveTranscription]]]]:
    """A service that three can speak to, its time, and what opens a stream of it."""
    moments = Moments()
    async with (
        Streams(()) as streams,
        served(cache, sleep=moments.sleep, clock=lambda: moments.now_s) as service,
        contextlib.AsyncExitStack() as stack,
    ):
        service._load.measure(0.5)
        yield service, moments, lambda: stack.enter_async_context(opened(service, streams))


async def send(*streams: LiveTranscription) -> None:
    for stream in streams:
        await stream.send(np.zeros(160, np.float32))


@pytest.mark.parametrize("n_sending", [0, 3])
async def test_who_comes_with_more_than_can_be_followed_waits_to_see_who_sends(
    n_sending: int, tmp_path: Path
) -> None:
    async with crowded(tmp_path) as (service, moments, come):
        first = [await come() for _ in range(3)]
        last = asyncio.ensure_future(come())
        await moments.wait_for(1)
        await send(*first[:n_sending])
        moments.let_pass()
        with pytest.raises(Overloaded, match=r"^3 people") if n_sending else nullcontext():
            await last
        assert service.n_streams == (3 if n_sending else 4)


async def test_of_those_who_wait_together_no_more_are_let_in_than_can_be_followed(
    tmp_path: Path,
) -> None:
    """One of the first sent nothing, which left room for one more: all who waited had it."""
    async with crowded(tmp_path) as (service, moments, come):
        first = [await come() for _ in range(3)]
        others = [asyncio.ensure_future(come()) for _ in range(5)]
        await moments.wait_for(5)
        await send(*first[:2])
        moments.let_pass()
        await moments.wait_for(4)
        assert service.n_streams == 4
        await send(*(each.result() for each in others if each.done()))
        moments.let_pass()
        found = await asyncio.gather(*others, return_exceptions=True)
        assert sum(isinstance(each, Overloaded) for each in found) == 4


async def test_sockets_that_are_kept_ready_are_let_in_after_a_while(tmp_path: Path) -> None:
    async with crowded(tmp_path) as (service, moments, come):
        coming = [asyncio.ensure_future(come()) for _ in range(20)]
        for n_waiting in (17, 14, 11, 8, 5):
            await moments.wait_for(n_waiting)
            moments.let_pass()
        await asyncio.gather(*coming)
        assert service.n_streams == 20


async def test_models_have_places_of_their_own(tmp_path: Path) -> None:
    """One whose engine is gone held up the streams of another."""
    async with (
        Streams(()) as one,
        Streams(()) as other,
        served(tmp_path) as service,
        opened(service, one) as a,
        opened(service, one) as b,
        opened(service, other) as c,
    ):
        assert a._backend.places is b._backend.places is not c._backend.places
