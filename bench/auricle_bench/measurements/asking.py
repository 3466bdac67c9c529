"""What a server hears in clips, two at a time.

Knows nothing about which server that is, or what becomes of the texts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from auricle_bench.clips import Clip
from auricle_bench.load import Limit
from auricle_bench.session import Phase, Plan, measure
from auricle_bench.target import Client, Target

CONCURRENCY = 2


def texts(target: Target, clips: Sequence[Clip]) -> list[str]:
    """Every clip's text, in the order of the clips.

    Raises:
        SystemExit: a request failed.
    """
    return asyncio.run(_texts(target, clips))


async def _texts(target: Target, clips: Sequence[Clip]) -> list[str]:
    async with Client(target) as client:
        result = await measure(client, clips, Phase(CONCURRENCY), Plan(Limit(len(clips))))
    failed = [each for each in result.outcomes if not each.is_ok]
    if failed:
        raise SystemExit(f"{target.url}: {failed[0].clip.path.name}: {failed[0].complaint}")
    by_path = {each.clip.path: each.text or "" for each in result.outcomes}
    return [by_path[clip.path] for clip in clips]
