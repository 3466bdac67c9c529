"""The models of one machine: loaded when they are used, unloaded to make room or when idle.

Knows nothing about names, files or HTTP. For the event loop only.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from auricle.errors import AuricleError, InvalidRequest, Unavailable, as_auricle_error
from auricle.hosting.budget import MemoryBudget, NoRoom
from auricle.hosting.managed_model import ManagedModel, StartEngine
from auricle.hosting.memory import MIB
from auricle.models.checkpoint import Checkpoint
from auricle.queue.admission import AdmissionControl, Limits
from auricle.settings.config import Settings
from auricle.telemetry.observe import NULL_OBSERVER, Observer

RETRY_WHEN_FAILED_S = 30.0
RETRY_WHILE_LOADING_S = 5.0

Estimate = Callable[[Checkpoint], int]
Timer = Callable[[float, Callable[[], None]], asyncio.TimerHandle]
"""Calls back after so many seconds, unless cancelled; the loop's own ``call_later``."""

_log = logging.getLogger(__name__)


class ModelManager:
    """Holds models within ``budget_bytes`` (None: no limit). `using` one loads it first; one that
    is in use is never unloaded."""

    def __init__(
        self,
        settings: Settings,
        start_engine: StartEngine,
        *,
        budget_bytes: int | None,
        estimate: Estimate,
        timer: Timer | None = None,
        observer: Observer = NULL_OBSERVER,
    ) -> None:
        self.models: dict[str, ManagedModel] = {}
        self.budget = MemoryBudget(
            self.models,
            budget_bytes,
            pins_default=settings.pin_default,
            unload=lambda model: asyncio.wait({self._begin_unload(model)}),
            observer=observer,
        )
        self.control = AdmissionControl(
            Limits(settings.max_requests, settings.max_backlog_s, settings.max_backlog_per_key_s)
        )
        self._settings = settings
        self._start_engine = start_engine
        self._estimate = estimate
        self._timer = timer
        self._observer = observer
        self._uses = itertools.count(1)
        self._making_room = asyncio.Lock()
        self._loads: dict[str, asyncio.Task[AuricleError | None]] = {}
        self._unloads: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def add(
        self, name: str, find: Callable[[], Checkpoint], *, is_default: bool = False
    ) -> ManagedModel:
        """The model of that name, made known first if it is not. ``find`` may block: it runs in a
        thread when the model is loaded."""
        if name not in self.models:
            self.models[name] = ManagedModel(name, find, is_default=is_default)
        return self.models[name]

    @property
    def loaded(self) -> list[ManagedModel]:
        """Models that answer requests now."""
        return [model for model in self.models.values() if model.state == "ready"]

    @asynccontextmanager
    async def using(self, model: ManagedModel) -> AsyncIterator[ManagedModel]:
        """Have a model loaded, and kept loaded, for as long as the context lasts.

        Raises:
            Unavailable: it could not be loaded, there is no room for it, it takes too long, or
                the server is stopping. The next request tries again.
        """
        async with self._held(model):
            await self._load_once(model, self._settings.load_wait_s)
            yield model

    async def load(self, model: ManagedModel, *, wait_s: float | None = None) -> None:
        """Have a model loaded, and leave it so; waits as long as it takes, or ``wait_s``. Raises
        what `using` raises."""
        async with self._held(model):
            await self._load_once(model, wait_s)

    async def unload(self, model: ManagedModel) -> None:
        """Unload a model nobody uses; fine if it is not loaded.

        Raises:
            InvalidRequest: it is in use, or being loaded.
        """
        if model.n_users or model.state == "loading":
            raise InvalidRequest(
                f"The model `{model.title}` cannot be unloaded now: {_use(model)}.",
                code="model_in_use",
            )
        if model.state == "ready":
            self._begin_unload(model)
        if model.state == "failed":
            model.state, model.failure = "unloaded", None
        if model.state == "unloading":
            await asyncio.wait(self._unloads)

    async def close(self) -> None:
        """Unload everything at once; requests still running are failed."""
        self._is_closed = True
        for task in self._loads.values():
            task.cancel()
        await asyncio.gather(*self._loads.values(), *self._unloads, return_exceptions=True)
        for model in self.models.values():
            if model.idle_timer is not None:
                model.idle_timer.cancel()
        await asyncio.gather(*(model.stop() for model in self.models.values()))
        for model in self.models.values():
            model.state = "unloaded"

    @asynccontextmanager
    async def _held(self, model: ManagedModel) -> AsyncIterator[None]:
        """Count a use of the model: until it ends, nobody unloads it."""
        model.n_users += 1
        model.last_use = next(self._uses)
        if model.idle_timer is not None:
            model.idle_timer.cancel()
        try:
            yield
        finally:
            model.n_users -= 1
            self._watch_idle(model)

    # Loading: one task for all who wait

    async def _load_once(self, model: ManagedModel, wait_s: float | None) -> None:
        if model.state == "ready":
            return
        if self._is_closed:
            raise stopping()
        task = self._loads.get(model.name)
        if task is None:
            task = asyncio.create_task(self._load(model), name=f"load {model.name}")
            self._loads[model.name] = task
            task.add_done_callback(lambda _: self._loads.pop(model.name))
        if (failure := await wait_for_load(task, model.title, wait_s)) is not None:
            raise _refusal(model, failure)

    async def _load(self, model: ManagedModel) -> AuricleError | None:
        """Load a model; returns why it could not be, for all who wait."""
        async with model.changing:  # it may still be unloading
            model.state = "loading"
            try:
                checkpoint = await asyncio.to_thread(model.find)
                async with self._making_room:
                    if self._unloads:
                        await asyncio.wait(self._unloads)
                    await self.budget.reserve(model, self._estimate(checkpoint))
                await model.start(
                    checkpoint, self._settings, self._start_engine, self.control, self._observer
                )
            except NoRoom as exc:  # nothing is wrong with it
                _log.error("%s: %s", model.title, exc)
                return exc
            except Exception as exc:  # noqa: BLE001  # the border: those who wait are told
                model.state, model.failure = "failed", as_auricle_error(exc)
                unexpected = None if exc is model.failure else exc
                _log.error("%s: %s", model.title, model.failure, exc_info=unexpected)
                return model.failure
            else:
                model.state, model.failure = "ready", None
            finally:
                if model.state != "ready":
                    model.reserved_bytes = 0
                if model.state == "loading":
                    model.state = "unloaded"
            _log.info("loaded %s: %d MiB", model.title, model.memory_bytes // MIB)
            self._watch_idle(model)  # whoever asked for it may have left
            return None

    # Unloading

    def _begin_unload(self, model: ManagedModel) -> asyncio.Task[None]:
        """From now on nobody gets the model until it is loaded again."""
        model.state = "unloading"
        task = asyncio.create_task(self._unload(model), name=f"unload {model.name}")
        self._unloads.add(task)
        task.add_done_callback(self._unloads.discard)
        return task

    async def _unload(self, model: ManagedModel) -> None:
        async with model.changing:
            freed = model.memory_bytes
            try:
                await model.stop()
            finally:
                model.state = "unloaded"
        _log.info("unloaded %s: %d MiB", model.title, freed // MIB)

    def _watch_idle(self, model: ManagedModel) -> None:
        """Unload the model after a while, unless it is used before."""
        if self._settings.idle_unload_s and model.is_idle and not self._is_closed:
            timer = self._timer or asyncio.get_running_loop().call_later
            if model.idle_timer is not None:
                model.idle_timer.cancel()
            model.idle_timer = timer(self._settings.idle_unload_s, lambda: self._idle(model))

    def _idle(self, model: ManagedModel) -> None:
        if model.is_idle:
            self._begin_unload(model)


async def wait_for_load(
    task: asyncio.Task[AuricleError | None], title: str, wait_s: float | None
) -> AuricleError | None:
    """Why the ``task`` could not load a model, which people know by its ``title``; None: it could.

    Raises:
        Unavailable: that takes longer than ``wait_s``, or the server stops.
    """
    done, _ = await asyncio.wait({task}, timeout=wait_s)
    if not done:
        raise Unavailable(
            f"The model `{title}` is still being loaded after {wait_s:g} seconds; try again later.",
            code="model_loading",
            retry_after_s=RETRY_WHILE_LOADING_S,
        )
    if task.cancelled():
        raise stopping()
    return task.result()


def stopping() -> Unavailable:
    """What those are told who want a model of a server that stops."""
    return Unavailable("the server is shutting down", retry_after_s=RETRY_WHILE_LOADING_S)


def _use(model: ManagedModel) -> str:
    """What keeps a model."""
    if model.state == "loading":
        return "it is being loaded"
    return "1 request uses it" if model.n_users == 1 else f"{model.n_users} requests use it"


def _refusal(model: ManagedModel, failure: AuricleError) -> Unavailable:
    """What each of those who waited is told; an error is raised once, so each gets its own."""
    if isinstance(failure, Unavailable):
        return Unavailable(failure.message, code=failure.code, retry_after_s=failure.retry_after_s)
    return Unavailable(
        f"the model `{model.title}` could not be loaded: {failure}",
        retry_after_s=RETRY_WHEN_FAILED_S,
    )
