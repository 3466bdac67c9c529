"""What the owners of jobs may take: whether they are still let in, and how much at one time.

Knows nothing about keys or how jobs are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from auricle.errors import Overloaded, Unauthorized
from auricle.grants import Grants
from auricle.jobs.store import JobStore


class Owners:
    """``predict_s`` says how many seconds so many of audio take."""

    def __init__(self, grants: Grants, jobs: JobStore, predict_s: Callable[[float], float]) -> None:
        self._grants = grants
        self._jobs = jobs
        self._predict_s = predict_s

    def check_let_in(self, owner: str) -> None:
        """Raise `Unauthorized` where nothing is to be done any more for an owner."""
        if not self._grants.is_let_in(owner):
            raise Unauthorized(
                "The API key with which this job was made is not let in any more: it was revoked, "
                "or it has expired.",
                code="key_not_let_in",
            )

    def served_full(self, running: Iterable[str]) -> list[str]:
        """Owners for whom no more jobs may be in work than are, of the owners of those in work."""
        counted = Counter(running).items()
        return [each for each, n in counted if 0 < self._grants.grant_of(each).max_requests <= n]

    async def check_room(self, owner: str) -> None:
        """Raise `Overloaded` where more work of an owner waits than its key allows. The length of
        what comes is not asked: who has nothing waiting may bring the longest recording."""
        limit_s = self._grants.grant_of(owner).max_backlog_s
        if not limit_s:
            return
        waiting_s = self._predict_s(await self._jobs.waiting_s(owner))
        if waiting_s > limit_s:
            raise Overloaded(
                f"About {waiting_s:.0f} seconds of work of your jobs are waiting; the limit of "
                f"your key is {limit_s:g} (max_backlog_s); try again later.",
                code="rate_limit_exceeded",
                retry_after_s=max(waiting_s - limit_s, 1.0),
            )
