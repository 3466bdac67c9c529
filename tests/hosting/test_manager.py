"""Models share a budget: loaded once for all who wait, unloaded when nobody uses them."""

from __future__ import annotations

import asyncio
import logging

import pytest

from auricle.errors import InvalidRequest, ModelUnusable, Unavailable
from auricle.hosting.managed_model import ManagedModel
from auricle.hosting.memory import MIB
from tests.hosting.fakes import Hosting, checkpoint
from tests.waiting import until


async def test_a_model_is_loaded_for_its_first_use_and_stays():
    async with Hosting() as hosting:
        model = hosting.model("base")
        async with hosting.host.using(model) as used:
            assert used is model
            assert (model.state, model.n_users) == ("ready", 1)
        async with hosting.host.using(model):
            pass
        assert (model.state, model.n_users) == ("ready", 0)
        assert hosting.engines.names == ["base"]
        assert hosting.host.loaded == [model]
    assert hosting.engines.closed() == ["base"]


async def test_the_log_names_the_model_not_the_setting(caplog: pytest.LogCaptureFixture):
    """It said "loaded auto"."""
    caplog.set_level(logging.INFO, "auricle.hosting")
    async with Hosting() as hosting:
        model = hosting.host.add("auto", lambda: checkpoint("base"), is_default=True)
        await _use(hosting, model)
    assert caplog.messages == ["loaded base: 100 MiB"]


async def test_those_who_ask_at_once_wait_for_one_load():
    async with Hosting() as hosting:
        model = hosting.model("base")
        hosting.engines.gate.clear()
        uses = [asyncio.create_task(_use(hosting, model)) for _ in range(5)]
        await until(lambda: model.state == "loading")
        hosting.engines.gate.set()
        await asyncio.gather(*uses)
        assert hosting.engines.names == ["base"]


async def test_a_failed_load_answers_all_and_the_next_request_tries_again():
    async with Hosting() as hosting:
        model = hosting.model("base")
        hosting.engines.failures = [ModelUnusable("the weights are torn")]
        answers = await asyncio.gather(
            *(_use(hosting, model) for _ in range(3)), return_exceptions=True
        )
        wanted = "the model `base` could not be loaded: the weights are torn"
        assert [(type(each), str(each)) for each in answers] == [(Unavailable, wanted)] * 3
        assert (model.state, str(model.failure)) == ("failed", "the weights are torn")
        await _use(hosting, model)
        assert (model.state, model.failure) == ("ready", None)


@pytest.mark.parametrize(
    ("failure", "told", "retry_after_s", "logged"),
    [
        (
            Unavailable("the engine could not be started: no file", retry_after_s=5),
            "the engine could not be started: no file",
            5,
            "base: the engine could not be started: no file",
        ),
        (
            OSError(12, "Cannot allocate memory"),
            "the model `base` could not be loaded: OSError: [Errno 12] Cannot allocate memory",
            30,
            "base: OSError: [Errno 12] Cannot allocate memory",
        ),
    ],
)
async def test_any_failure_is_told_logged_shown_and_tried_again(
    caplog: pytest.LogCaptureFixture, failure, told, retry_after_s, logged
):
    """What was no error of ours was told to nobody, and the model was loading for ever; what might
    pass was not shown."""
    async with Hosting() as hosting:
        model = hosting.model("base")
        hosting.engines.failures = [failure]
        with pytest.raises(Unavailable) as caught:
            await _use(hosting, model)
        assert (caught.value.message, caught.value.retry_after_s) == (told, retry_after_s)
        assert caplog.messages == [logged]
        assert (model.state, f"base: {model.failure}") == ("failed", logged)
        await _use(hosting, model)
        assert (model.state, model.failure) == ("ready", None)


async def test_a_model_that_loads_but_does_not_run_is_closed():
    async with Hosting() as hosting:
        model = hosting.model("base")
        start = hosting.engines.start

        async def start_poisoned(checkpoint):
            engine = await start(checkpoint)
            engine.poison = 0.0  # silence, which is what it is tried with
            return engine

        hosting.host._start_engine = start_poisoned
        with pytest.raises(Unavailable, match="could not be loaded: the engine died 3 times"):
            await _use(hosting, model)
        assert model.memory_bytes == 0
        assert hosting.engines.closed() == ["base"] * 3


async def test_waiting_for_a_load_has_an_end_and_the_load_goes_on():
    async with Hosting(load_wait_s=0) as hosting:
        model = hosting.model("base")
        hosting.engines.gate.clear()
        with pytest.raises(Unavailable, match="still being loaded after 0 seconds") as caught:
            await _use(hosting, model)
        assert (caught.value.code, caught.value.retry_after_s) == ("model_loading", 5)
        hosting.engines.gate.set()
        await until(lambda: model.state == "ready")
        await _use(hosting, model)
        assert hosting.engines.names == ["base"]


async def test_whoever_leaves_does_not_stop_the_load():
    async with Hosting() as hosting:
        model = hosting.model("base")
        hosting.engines.gate.clear()
        leaving = asyncio.create_task(_use(hosting, model))
        await until(lambda: model.state == "loading")
        leaving.cancel()
        staying = asyncio.create_task(_use(hosting, model))
        hosting.engines.gate.set()
        await staying
        assert (leaving.cancelled(), hosting.engines.names) == (True, ["base"])


# Room


async def test_the_least_recently_used_idle_model_makes_room():
    async with Hosting(budget_mib=250) as hosting:
        first, second, third = (hosting.model(name) for name in ("a", "b", "c"))
        await _use(hosting, first)
        await _use(hosting, second)
        await _use(hosting, first)
        await _use(hosting, third)
        assert hosting.states() == {"a": "ready", "b": "unloaded", "c": "ready"}
        assert hosting.engines.closed() == ["b"]


async def test_what_is_measured_counts_not_what_was_expected():
    async with Hosting(budget_mib=250) as hosting:
        first, second = hosting.model("a"), hosting.model("b")
        await _use(hosting, first)
        hosting.engines.started[0][1].size = 151 * MIB
        await _use(hosting, second)
        assert hosting.states() == {"a": "unloaded", "b": "ready"}


async def test_without_a_measurement_the_expectation_counts():
    async with Hosting(budget_mib=150) as hosting:
        first, second = hosting.model("a"), hosting.model("b")
        await _use(hosting, first)
        hosting.engines.started[0][1].size = None
        assert first.memory_bytes == 100 * MIB
        await _use(hosting, second)
        assert hosting.states() == {"a": "unloaded", "b": "ready"}


async def test_a_model_in_use_is_never_unloaded_for_room():
    async with Hosting(budget_mib=150) as hosting:
        first, second = hosting.model("a"), hosting.model("b")
        async with hosting.host.using(first):
            with pytest.raises(Unavailable) as caught:
                await _use(hosting, second)
            assert hosting.states() == {"a": "ready", "b": "unloaded"}
        assert caught.value.message == (
            "The model `b` needs about 100 MiB, and 100 MiB of this server's memory budget of "
            "150 MiB (memory_mb) are in use; try again later."
        )
        assert (caught.value.code, caught.value.retry_after_s) == ("memory_budget", 5)
        await _use(hosting, second)
        assert hosting.states() == {"a": "unloaded", "b": "ready"}


async def test_nothing_is_unloaded_in_vain():
    async with Hosting(budget_mib=250) as hosting:
        idle, busy, big = (hosting.model(name) for name in ("a", "b", "c"))
        await _use(hosting, idle)
        async with hosting.host.using(busy):
            hosting.engines.started[1][1].size = 200 * MIB
            with pytest.raises(Unavailable):
                await _use(hosting, big)
        assert hosting.states() == {"a": "ready", "b": "ready", "c": "unloaded"}


async def test_models_that_load_at_the_same_time_count():
    async with Hosting(budget_mib=150) as hosting:
        first, second = hosting.model("a"), hosting.model("b")
        hosting.engines.gate.clear()
        uses = asyncio.gather(_use(hosting, first), _use(hosting, second), return_exceptions=True)
        await until(lambda: second.state == "unloaded" and first.state == "loading")
        hosting.engines.gate.set()
        assert [type(each) for each in await uses] == [type(None), Unavailable]
        assert hosting.engines.names == ["a"]


async def test_the_start_up_model_stays_when_others_need_room():
    async with Hosting(budget_mib=150) as hosting:
        default, other = hosting.model("a", is_default=True), hosting.model("b")
        await _use(hosting, default)
        with pytest.raises(Unavailable, match="are taken for good") as caught:
            await _use(hosting, other)
        assert caught.value.retry_after_s is None  # so that clients do not send it all again
        assert hosting.states() == {"a": "ready", "b": "unloaded"}


async def test_the_start_up_model_goes_when_it_is_not_pinned():
    async with Hosting(budget_mib=150, pin_default=False) as hosting:
        default, other = hosting.model("a", is_default=True), hosting.model("b")
        await _use(hosting, default)
        await _use(hosting, other)
        assert hosting.states() == {"a": "unloaded", "b": "ready"}
        await _use(hosting, default)
        assert hosting.states() == {"a": "ready", "b": "unloaded"}


async def test_the_start_up_model_is_loaded_whatever_the_budget(caplog):
    async with Hosting(budget_mib=50) as hosting:
        await _use(hosting, hosting.model("a", is_default=True))
        assert hosting.states() == {"a": "ready"}
    assert "The model `a` needs about 100 MiB; the memory budget is 50 MiB" in caplog.text


# Idle


async def test_an_idle_model_is_unloaded_and_comes_back():
    async with Hosting(idle_unload_s=60) as hosting:
        model = hosting.model("base", is_default=True)
        await _use(hosting, model)
        assert hosting.timers.pending() == [60]
        hosting.timers.fire()
        assert model.state == "unloading"
        await _use(hosting, model)  # waits until it is gone, then loads it
        assert hosting.engines.names == ["base", "base"]
        assert hosting.engines.closed() == ["base"]


async def test_using_a_model_puts_its_unloading_off():
    async with Hosting(idle_unload_s=60) as hosting:
        model = hosting.model("base")
        await _use(hosting, model)
        async with hosting.host.using(model):
            assert hosting.timers.pending() == []
            hosting.timers.fire()
        assert hosting.timers.pending() == [60]
        assert model.state == "ready"


async def test_a_model_nobody_waited_for_is_unloaded_when_idle():
    async with Hosting(idle_unload_s=60, load_wait_s=0) as hosting:
        model = hosting.model("base")
        with pytest.raises(Unavailable):
            await _use(hosting, model)
        await until(lambda: model.state == "ready")
        hosting.timers.fire()
        await until(lambda: model.state == "unloaded")


async def test_without_the_setting_nothing_is_unloaded():
    async with Hosting() as hosting:
        await _use(hosting, hosting.model("base"))
        assert hosting.timers.pending() == []


# By hand, and at the end


async def test_unloading_by_hand_is_idempotent():
    async with Hosting() as hosting:
        model = hosting.model("base", is_default=True)
        await hosting.host.unload(model)
        await hosting.host.load(model)
        await asyncio.gather(hosting.host.unload(model), hosting.host.unload(model))
        assert (model.state, model.memory_bytes) == ("unloaded", 0)
        assert hosting.engines.closed() == ["base"]


async def test_unloading_forgets_a_failure():
    async with Hosting() as hosting:
        model = hosting.model("base")
        hosting.engines.failures = [ModelUnusable("the weights are torn")]
        with pytest.raises(Unavailable):
            await hosting.host.load(model)
        await hosting.host.unload(model)
        assert (model.state, model.failure) == ("unloaded", None)


async def test_unloading_a_model_in_use_is_refused():
    async with Hosting() as hosting:
        model = hosting.model("base")
        hosting.engines.gate.clear()
        use = asyncio.create_task(_use(hosting, model))
        await until(lambda: model.state == "loading")
        with pytest.raises(InvalidRequest, match=r"`base` cannot .* now: it is being loaded\."):
            await hosting.host.unload(model)
        hosting.engines.gate.set()
        await use
        async with hosting.host.using(model):
            with pytest.raises(InvalidRequest, match=r"now: 1 request uses it\.$") as caught:
                await hosting.host.unload(model)
        assert caught.value.code == "model_in_use"


async def test_closing_ends_a_load_and_answers_who_waits():
    async with Hosting() as hosting:
        model = hosting.model("base")
        hosting.engines.gate.clear()
        use = asyncio.create_task(_use(hosting, model))
        await until(lambda: model.state == "loading")
        await hosting.host.close()
        with pytest.raises(Unavailable, match="shutting down"):
            await use
        with pytest.raises(Unavailable, match="shutting down"):
            await _use(hosting, model)
        with pytest.raises(Unavailable, match="shutting down"):
            _ = model.reader
        assert hosting.engines.names == []


async def test_closing_cancels_what_waits_to_be_idle():
    async with Hosting(idle_unload_s=60) as hosting:
        await _use(hosting, hosting.model("base"))
    assert hosting.timers.pending() == []


async def _use(hosting: Hosting, model: ManagedModel) -> None:
    async with hosting.host.using(model):
        assert model.state == "ready"
