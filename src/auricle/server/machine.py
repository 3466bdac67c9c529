"""``GET /v1/machine``: what the server's machine has and what it uses of it, as `auricle doctor`
says it.

Knows nothing about how that is found out. Paths and settings stay with the operator.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from auricle.server import errors
from auricle.speech_runtime import SpeechRuntime

MACHINE = (
    *("auricle", "system", "processor", "vector instructions", "usable cores", "usable memory"),
    *("NVIDIA driver", "usable GPUs"),
)
PLAN = ("device", "compute type", "parallel work", "engine", "free disk")
"""What is shown of the findings."""


class MachineProblem(msgspec.Struct, frozen=True):
    """Something missing or wrong, and a way out. ``is_fatal``: a server could not start with it."""

    what: str
    way_out: str
    is_fatal: bool


class MachineBody(msgspec.Struct, frozen=True):
    """What the machine has and what a server on it uses, in words for people, by name. Findings are
    up to 30 s old."""

    machine: dict[str, str]
    plan: dict[str, str]
    problems: tuple[MachineProblem, ...]


class Machine:
    def __init__(self, runtime: SpeechRuntime) -> None:
        self._runtime = runtime

    async def found(self, _: Request) -> Response:
        found = await self._runtime.doctor.found()
        problems = (
            MachineProblem(each.what, each.way_out, each.is_fatal) for each in found.problems
        )
        return errors.json_response(
            MachineBody(
                machine=_only(found.machine, MACHINE),
                plan=_only(found.plan, PLAN),
                problems=tuple(problems),
            )
        )


def _only(findings: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: findings[name] for name in names if name in findings}
