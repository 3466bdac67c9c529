"""The engines of a model all over a cluster as one: those that come join in, those that go leave.

Knows nothing about how engines are found, or why there are so many.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from auricle.cluster.host import Offer
from auricle.cluster.leases import new_session
from auricle.cluster.remote import Host, RemoteEngine
from auricle.engine.protocol import EngineDied
from auricle.engine.replicas import Replicas
from auricle.errors import Unavailable
from auricle.rpc.watchdog import Sleep

FOLLOW_S = 1.0
"""How often engines are asked whether they are there; they learn what waits for them then."""

MISSED = 3
"""An engine that did not answer so often is taken for leaving: it gets no more windows."""

START_MAX_S = 900.0
"""How long to wait for the first engine: a machine has to be found, and a model be fetched."""

RETRY_AFTER_S = 10.0

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """An engine that is there."""

    host: Host
    offer: Offer


Look = Callable[[int, float], Awaitable[Mapping[str, Found]]]
"""The engines that are there, by a name each keeps, asked in a session with the seconds of work
that wait for them."""


ANSWER_S = 2.0
"""How long an engine that is known may take to answer."""

Backlog = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Directory:
    """The engines of a model, as far as this process knows of them."""

    look: Look
    backlog_s: Backlog
    known: dict[str, Found] = field(default_factory=dict)
    """Those that were there, and have not died since."""

    async def found(self, session: int) -> Mapping[str, Found] | None:
        """Those that are there now; None where that cannot be found out."""
        try:
            return await self.look(session, await self.backlog_s())
        except Exception as exc:  # noqa: BLE001  # the border: the next look may go well
            _log.info("engines could not be looked for: %r", exc)
            return None

    async def answering(self, session: int) -> Mapping[str, Found]:
        """Those of them that answer, without looking for others: while a machine that has just died
        is not known to be dead, a look takes long."""
        backlog_s = await self.backlog_s()

        async def asked(name: str, each: Found) -> tuple[str, Found] | None:
            with contextlib.suppress(EngineDied, TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    offer = await each.host.offer(session, backlog_s)
                return None if offer is None else (name, Found(each.host, offer))
            return None

        answers = await asyncio.gather(*(asked(*each) for each in self.known.items()))
        return dict(each for each in answers if each is not None)


class Fleet(Replicas):
    """An `Engine`. Create with `find`. When one of its engines dies it dies; another that is found
    then has those that are still there."""

    def __init__(
        self,
        found: Mapping[str, Found],
        directory: Directory,
        session: int,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._directory = directory
        self._session = session
        self._sleep = sleep
        directory.known.update(found)
        self._engines = {name: self._remote(each) for name, each in found.items()}
        self._missed: Counter[str] = Counter()
        super().__init__(list(self._engines.values()))
        self._following = asyncio.create_task(self._follow(), name="follow engines")

    @classmethod
    async def find(cls, directory: Directory, sleep: Sleep = asyncio.sleep) -> Fleet:
        """Those that are there, once there is one.

        Raises:
            Unavailable: there was none for `START_MAX_S`.
        """
        session = new_session()
        if found := await directory.answering(session):
            return cls(found, directory, session, sleep)
        try:
            async with asyncio.timeout(START_MAX_S):
                while not (there := await directory.found(session)):
                    await sleep(FOLLOW_S)
        except TimeoutError as exc:
            raise Unavailable(
                "no engine for this model has started in the cluster", retry_after_s=RETRY_AFTER_S
            ) from exc
        return cls(there, directory, session, sleep)

    async def close(self) -> None:
        self._following.cancel()
        for name, engine in self._engines.items():
            if engine.died:
                self._directory.known.pop(name, None)
        await super().close()

    async def _follow(self) -> None:
        while True:
            await self._sleep(FOLLOW_S)
            found = await self._directory.found(self._session)
            if found is None:  # let those that are there know that their states are needed
                await self._directory.answering(self._session)
            else:
                await self._keep_up(found)

    async def _keep_up(self, found: Mapping[str, Found]) -> None:
        self._directory.known.update(found)
        for name, each in found.items():
            self._missed.pop(name, None)
            engine = self._engines.get(name)
            if engine is None:
                self._engines[name] = self._remote(each)
                self.join(self._engines[name])
                _log.info("engine %s joins: %d", name, len(self._engines))
            else:
                engine.offer = each.offer
        for name in self._engines.keys() - found.keys():
            self._missed[name] += 1
        for name in [name for name, n in self._missed.items() if n >= MISSED]:
            if await self.leave(self._engines[name]):
                del self._missed[name], self._engines[name]
                self._directory.known.pop(name, None)
                _log.info("engine %s leaves: %d", name, len(self._engines))

    def _remote(self, found: Found) -> RemoteEngine:
        return RemoteEngine(found.host, self._session, found.offer)
