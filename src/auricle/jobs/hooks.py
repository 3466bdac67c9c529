"""Webhooks: who is told that a job has ended, signed as Standard Webhooks has it, until they heard.

Knows nothing about how a job is written; whoever starts it does.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from auricle.errors import AuricleError, InvalidRequest
from auricle.jobs import rows
from auricle.jobs.database import Database
from auricle.jobs.job import Hook, StoredJob
from auricle.jobs.outbound import OutboundClient
from auricle.telemetry import tracing

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = (16, 64)

DELAYS_S: Final = (5.0, 30.0, 120.0, 600.0, 3600.0, 6 * 3600.0, 24 * 3600.0)
"""After each try that failed, until the next; after the last there is none."""

AT_ONCE: Final = 8
GONE: Final = 410
"""Who answers so wants to hear no more."""

HookState = Literal["pending", "delivered", "failed"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far the telling has come. ``problem`` is what went wrong with the last try."""

    state: HookState
    n_tries: int
    problem: str | None


class HookStore:
    """What is still to be told, in the database."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def due(self) -> list[StoredJob]:
        """Jobs whose hook is to be told now."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> list[StoredJob]:
            found = connection.execute(
                "SELECT job FROM hooks WHERE state = 'pending' "
                "AND NOT (next > ? AND next <= ?) ORDER BY next LIMIT ?",
                (now_s, now_s + DELAYS_S[-1], AT_ONCE),  # later: the clock was set back since
            ).fetchall()
            return [rows.found(connection, row["job"]) for row in found]

        return await self._database.run(work)

    async def next_due_s(self) -> float | None:
        """When the next is to be told."""

        def work(connection: sqlite3.Connection) -> float | None:
            found = connection.execute("SELECT MIN(next) FROM hooks WHERE state = 'pending'")
            row = found.fetchone()
            return None if row[0] is None else float(row[0])

        return await self._database.run(work)

    async def tried(self, job_id: str, problem: str | None, *, is_last: bool) -> None:
        """It was told, or that went wrong."""
        now_s = self._clock()

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute(
                "SELECT n_tries FROM hooks WHERE job = ?", (job_id,)
            ).fetchone()
            if row is None:
                return
            n_before = row["n_tries"]
            is_over = is_last or n_before >= len(DELAYS_S)
            state = "delivered" if problem is None else "failed" if is_over else "pending"
            delay_s = 0.0 if is_over else DELAYS_S[n_before]
            connection.execute(
                "UPDATE hooks SET state = ?, next = ?, n_tries = ?, problem = ? WHERE job = ?",
                (state, now_s + delay_s, n_before + 1, problem, job_id),
            )

        await self._database.run(work)

    async def of(self, job_ids: Sequence[str]) -> dict[str, Delivery]:
        """How it stands with jobs; those that have not ended are not in it."""

        def work(connection: sqlite3.Connection) -> dict[str, Delivery]:
            marks = ",".join("?" * len(job_ids))
            found = connection.execute(f"SELECT * FROM hooks WHERE job IN ({marks})", job_ids)
            return {
                row["job"]: Delivery(row["state"], row["n_tries"], row["problem"]) for row in found
            }

        return await self._database.run(work)


class WebhookSender:
    """Delivers webhooks that are due. ``write`` makes the body of what a job's hook is told."""

    def __init__(
        self,
        store: HookStore,
        outbound: OutboundClient,
        write: Callable[[StoredJob], bytes],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._outbound = outbound
        self._write = write
        self._clock = clock

    async def send_due(self) -> None:
        """Deliver all that are due, once each."""
        while due := await self._store.due():
            await asyncio.gather(*(self._try(job) for job in due))

    async def _try(self, job: StoredJob) -> None:
        hook = job.request.hook
        if hook is None:  # it is damaged: see `rows.found`
            await self._store.tried(job.id, rows.DAMAGED.message, is_last=True)
            return
        span = tracing.current().begin_from("webhook", "client", job.request.trace, job_id=job.id)
        with tracing.within(span):
            problem, is_last = await self._deliver(job, hook)
            if problem is not None:
                span.fail("undelivered")
        if problem is not None:
            logger.warning("the webhook of %s was not delivered: %s", job.id, problem)
        await self._store.tried(job.id, problem, is_last=is_last)

    async def _deliver(self, job: StoredJob, hook: Hook) -> tuple[str | None, bool]:
        """What went wrong, and whether it always will."""
        body, event_id = self._write(job), event_id_of(job)
        headers = {
            "content-type": "application/json",
            "user-agent": "auricle",
            **tracing.current().headers,
            **signed(hook.secret, event_id, int(self._clock()), body),
        }
        try:
            async with self._outbound.request("POST", hook.url, body, headers) as response:
                status = response.status_code
        except InvalidRequest as exc:
            return exc.message, True
        except AuricleError as exc:
            return exc.message, False
        if 200 <= status < 300:
            return None, True
        return f"the answer was {status}", status == GONE


def event_id_of(job: StoredJob) -> str:
    """The same for every try, so that who was told twice can see it."""
    return f"evt_{job.id.removeprefix('job_')}"


def signed(secret: str, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks: HMAC-SHA256 of id, time and body."""
    content = b".".join((event_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(secret_bytes(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def secret_bytes(secret: str) -> bytes:
    """The key that a secret stands for.

    Raises:
        InvalidRequest: it is none.
    """
    low, high = SECRET_BYTES
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not low <= len(key) <= high:
        raise InvalidRequest(
            f"Invalid 'webhook_secret': expected {PREFIX} and the base64 of {low} to {high} bytes.",
            param="webhook_secret",
            code="invalid_value",
        )
    return key
