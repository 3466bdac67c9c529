"""What a request costs beyond the model: its wall time against CTranslate2 alone, by turns.

Knows nothing about how either works. The other side waits meanwhile, so each has all cores. The
window is the first that both read alike, because a server may read a window again that the model
left early.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from auricle.engine import machine
from auricle_bench.clips import Clip
from auricle_bench.load import Limit, Outcome
from auricle_bench.measurements import recordings, server
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import Setup
from auricle_bench.session import Phase, Plan, measure
from auricle_bench.target import Client, Target

TURNS = 9
QUICK_TURNS = 5


def run(setup: Setup) -> Figures:
    turns = QUICK_TURNS if setup.quick else TURNS
    with server.auricle(setup.model) as running, _bare(setup.model) as bare:
        return asyncio.run(
            _measure(Target(running.url, fields=setup.fields), bare, _windows(setup), turns)
        )


def _windows(setup: Setup) -> list[Clip]:
    speech = setup.speech()
    if setup.corpus is not None:
        return recordings.windows(speech, setup.scratch)
    return [recordings.window(speech, setup.scratch / "window.wav")]


@contextmanager
def _bare(model: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "auricle_bench.measurements.bare", str(server.folder(model))]
    environ = {**os.environ, **machine.environment()}
    process = subprocess.Popen(
        command, env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.communicate()


async def _measure(
    target: Target, bare: subprocess.Popen[str], windows: list[Clip], turns: int
) -> Figures:
    async with Client(target) as client:
        for window in windows:  # also warms both up
            heard = (await _request(client, window)).text, _alone(bare, window)["text"]
            if heard[0] == heard[1]:
                break
        request_s, bare_s = [], []
        for _ in range(turns):
            request_s.append((await _request(client, window)).latency_s)
            bare_s.append(_alone(bare, window)["wall_s"])
    ratio = median(request_s) / median(bare_s)
    rows = [
        ("one request over HTTP", f"{median(request_s):.3f} s", ""),
        ("mel, encode and generate alone", f"{median(bare_s):.3f} s", ""),
        ("**ratio**", f"**{ratio:.3f}**", "1.15"),
    ]
    same = heard[0] == heard[1]
    remark = "Both gave the same text."
    if not same:
        remark = f"The texts differ, so the work did too: “{heard[0]}” and “{heard[1]}”."
    data = {"request_s": request_s, "bare_s": bare_s, "ratio": ratio, "same_text": same}
    caption = f"A window of {window.duration_s:.1f} s, beam 5, {turns} turns each:"
    return Figures([Table(caption, ("", "median", "wanted, at most"), rows)], data, [remark])


async def _request(client: Client, window: Clip) -> Outcome:
    result = await measure(client, [window], Phase(), Plan(Limit(1)))
    return result.outcomes[0]


def _alone(bare: subprocess.Popen[str], window: Clip) -> dict[str, Any]:
    assert bare.stdin is not None
    assert bare.stdout is not None
    bare.stdin.write(f"{window.path}\n")
    bare.stdin.flush()
    answer: dict[str, Any] = json.loads(bare.stdout.readline())
    return answer
