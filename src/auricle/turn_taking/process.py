"""The end-of-turn model in a process of its own: the parent's side.

Knows nothing about turns. When the process dies or takes too long, whoever asked is told, and may
start another.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from auricle.rpc import loading
from auricle.rpc.child import Child, ChildDied
from auricle.turn_taking.messages import Load, Predict, Prediction, TurnReply, TurnRequest
from auricle.turn_taking.network import HEARD_S
from auricle.types import SAMPLE_RATE, Pcm

LOAD_MAX_S = 60.0
"""How long reading 9 MB of weights may take, from a slow disk on a busy machine."""

PREDICT_MAX_S = 10.0
"""How long one prediction may take. A pause for which it takes longer has long been over."""

_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""One core: the others are for the text."""

_N_SAMPLES = round(HEARD_S * SAMPLE_RATE)


class TurnProcessDied(Exception):
    """The process is gone. The message says how it ended."""


class TurnProcess:
    """Predicts ends of turns for any number of streams. Create with `start`."""

    def __init__(self, child: Child[TurnRequest, TurnReply]) -> None:
        self._child = child

    @classmethod
    async def start(cls, folder: Path) -> TurnProcess:
        """Spawn the process and load the network of ``folder``.

        Raises:
            ModelUnusable: the folder cannot be loaded, or the process died loading it.
            Unavailable: the system has no room for another process now.
        """
        child: Child[TurnRequest, TurnReply] = await Child.start(
            "auricle.turn_taking.worker",
            reply_type=TurnReply,
            name="turn process",
            env=_ENVIRONMENT,
        )
        await loading.load(child, Load(str(folder)), folder, LOAD_MAX_S)
        return cls(child)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.alive

    async def end_probability(self, pcm: Pcm, max_s: float = PREDICT_MAX_S) -> float:
        """How probable it is that who speaks at the end of ``pcm``, 16 kHz, has finished there.

        Raises:
            TurnProcessDied: the process ended, or was ended because this took ``max_s``.
        """
        samples = pcm[-_N_SAMPLES:].astype("<f4", copy=False).tobytes()
        try:
            async with asyncio.timeout(max_s):
                reply = await self._child.call(Predict(samples))
        except ChildDied as exc:
            raise TurnProcessDied(str(exc)) from exc
        except TimeoutError as exc:
            self._child.kill(f"took more than {max_s:g} s for one pause")
            await self._child.wait_closed()
            raise TurnProcessDied(f"the turn process took more than {max_s:g} s") from exc
        assert isinstance(reply, Prediction)
        return reply.probability

    async def close(self) -> None:
        await self._child.close()
