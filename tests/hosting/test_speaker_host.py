"""The speaker process is started when it is wanted, replaced when it is dead, ended when idle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from auricle.errors import InvalidRequest, ModelNotFound, ModelUnusable, Unavailable
from auricle.hosting.speaker_host import MAX_AT_ONCE, SpeakerHost
from auricle.models import cache, registry
from auricle.models.fetch import FetchOptions
from tests.hosting.fakes import Timers
from tests.models.fake_hub import Recorder
from tests.waiting import until


class FakeProcess:
    pid = 1

    def __init__(self) -> None:
        self.alive = True

    async def close(self) -> None:
        self.alive = False


class Processes:
    """Starts fakes; waits for ``gate`` first."""

    def __init__(self) -> None:
        self.all: list[FakeProcess] = []
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self, folder: Path) -> Any:
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.all.append(FakeProcess())
        return self.all[-1]


def put(folder: Path) -> None:
    """As if the networks had been fetched; nobody reads them here."""
    part = cache.staging(folder, registry.SPEAKERS.id)
    for file in registry.SPEAKERS.files:
        (part / file.name).write_bytes(b"")
    cache.publish(folder, registry.SPEAKERS.id, "test", [f.name for f in registry.SPEAKERS.files])


@contextlib.asynccontextmanager
async def hosting(
    folder: Path, processes: Processes, *, is_here: bool = True, **arguments: Any
) -> AsyncIterator[SpeakerHost]:
    if is_here:
        put(folder)
    fetching = FetchOptions(cache=folder, sources=(), offline=not is_here, environ={})
    host = SpeakerHost(fetching, Recorder(), start=processes.start, **arguments)
    yield host
    processes.gate.set()
    await host.close()
    assert not any(each.alive for each in processes.all)


async def test_it_is_started_once_for_all_who_want_it(tmp_path):
    processes = Processes()
    async with hosting(tmp_path, processes) as host:
        assert (host.state, host.memory_bytes, await host.is_here()) == ("unloaded", 0, True)
        processes.gate.clear()
        loads = [asyncio.create_task(host.load()) for _ in range(3)]
        await until(lambda: host.state == "loading")
        processes.gate.set()
        await asyncio.gather(*loads)
        async with host.using() as process:
            assert process.pid == processes.all[0].pid == 1
        assert (host.state, len(processes.all)) == ("ready", 1)


async def test_a_dead_one_is_replaced(tmp_path):
    processes = Processes()
    async with hosting(tmp_path, processes) as host:
        await host.load()
        processes.all[0].alive = False
        assert str(host.state) == "unloaded"
        await host.load()
        assert (host.state, len(processes.all)) == ("ready", 2)


async def test_what_is_missing_while_nothing_may_be_fetched_names_the_command(tmp_path):
    async with hosting(tmp_path, Processes(), is_here=False) as host:
        for _ in range(2):
            with pytest.raises(ModelNotFound) as caught:
                await host.load()
            assert caught.value.message == (
                "Speakers cannot be told apart: the model `speakers` is not on this machine, and "
                "nothing may be fetched (offline). 'auricle models download speakers' adds it."
            )
            assert caught.value.code == "model_not_found"
        assert (host.state, await host.is_here()) == ("unloaded", False)


async def test_what_could_not_be_fetched_is_tried_again(tmp_path):
    fetching = FetchOptions(cache=tmp_path, sources=(), environ={})
    processes = Processes()
    host = SpeakerHost(fetching, Recorder(), start=processes.start)
    with pytest.raises(Unavailable) as caught:
        await host.load()
    assert "the model `speakers` could not be loaded" in caught.value.message
    assert caught.value.message.endswith("'auricle models download speakers' fetches it.")
    assert (host.state, caught.value.retry_after_s) == ("failed", 30)
    put(tmp_path)
    await host.load()
    assert host.state == "ready"
    await host.close()


async def test_networks_that_cannot_be_read(tmp_path):
    processes = Processes()
    processes.failures = [ModelUnusable("no networks")]
    async with hosting(tmp_path, processes) as host:
        with pytest.raises(Unavailable, match="could not be loaded: no networks"):
            await host.load()
        await host.load()
        assert host.failure is None


async def test_whoever_waits_too_long_is_told_so(tmp_path):
    processes = Processes()
    processes.gate.clear()
    async with hosting(tmp_path, processes) as host:
        with pytest.raises(Unavailable) as caught:
            await host.load(wait_s=0.001)
        assert caught.value.code == "model_loading"
        processes.gate.set()
        await host.load()


async def test_it_is_ended_when_nobody_used_it_for_a_while(tmp_path):
    processes, timers = Processes(), Timers()
    async with hosting(tmp_path, processes, idle_unload_s=60, timer=timers) as host:
        async with host.using():
            assert timers.pending() == []
        assert timers.pending() == [60]
        async with host.using():
            timers.fire()
            assert processes.all[0].alive
        timers.fire()
        await until(lambda: not processes.all[0].alive)
        await host.load()
        assert len(processes.all) == 2


async def test_it_is_not_unloaded_while_somebody_uses_it(tmp_path):
    processes = Processes()
    async with hosting(tmp_path, processes) as host:
        async with host.using():
            with pytest.raises(InvalidRequest, match="1 requests use it") as caught:
                await host.unload()
            assert caught.value.code == "model_in_use"
        await host.unload()
        await host.unload()
        assert (host.state, processes.all[0].alive) == ("unloaded", False)


async def test_so_many_recordings_at_once_and_no_more(tmp_path):
    leave = asyncio.Event()
    n_inside = 0

    async def use(host: SpeakerHost) -> None:
        nonlocal n_inside
        async with host.using():
            n_inside += 1
            await leave.wait()

    async with hosting(tmp_path, Processes()) as host:
        tasks = [asyncio.create_task(use(host)) for _ in range(MAX_AT_ONCE + 2)]
        await until(lambda: n_inside == MAX_AT_ONCE)
        assert host.n_users == MAX_AT_ONCE + 2
        leave.set()
        await asyncio.gather(*tasks)
        assert n_inside == MAX_AT_ONCE + 2


async def test_one_alone_waits_for_the_others_and_they_for_it(tmp_path):
    async with hosting(tmp_path, Processes()) as host:
        inside: list[str] = []
        gates = {name: asyncio.Event() for name in ("first", "alone", "last", "other")}

        async def use(name: str) -> None:
            async with host.using(alone=name in ("alone", "other")):
                inside.append(name)
                await gates[name].wait()
                inside.remove(name)

        tasks = []
        for name in gates:
            tasks.append(asyncio.create_task(use(name)))
            await asyncio.sleep(0)
        for name in gates:
            await until(lambda name=name: inside == [name])  # type: ignore[misc]
            gates[name].set()
        await asyncio.gather(*tasks)


async def test_a_server_that_stops_starts_nothing(tmp_path):
    processes = Processes()
    processes.gate.clear()
    async with hosting(tmp_path, processes) as host:
        waiting = asyncio.create_task(host.load())
        await until(lambda: host.state == "loading")
        await host.close()
        for load in (waiting, host.load()):
            with pytest.raises(Unavailable, match="shutting down"):
                await load
