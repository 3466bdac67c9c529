"""How much may be kept: jobs, of everybody and of one owner, and bytes.

Knows nothing about what is kept.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from auricle.errors import Overloaded, StorageFull

MIB = 1024 * 1024

FULL_RETRY_S = 60.0
"""When a client should ask again for whose jobs there is no room: others expire or are deleted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be kept at one time."""

    max_jobs: int
    max_own: int
    """Jobs of one owner."""
    max_bytes: int
    """Of recordings and files."""


def check_number(connection: sqlite3.Connection, owners: Iterable[str], limits: Limits) -> None:
    """Raise `Overloaded` unless a job more may be kept for each of the ``owners``."""
    more = Counter(owners)
    n_all = connection.execute("SELECT COUNT(*) FROM jobs").fetchone()[0]
    if n_all + more.total() > limits.max_jobs:
        raise _too_many(f"{limits.max_jobs} jobs are kept at one time (max_jobs)")
    for owner, n in more.items():
        own = connection.execute("SELECT COUNT(*) FROM jobs WHERE owner = ?", (owner,))
        if own.fetchone()[0] + n > limits.max_own:
            raise _too_many(
                f"{limits.max_own} jobs of one client are kept at one time (max_jobs_per_client)"
            )


def check_bytes(connection: sqlite3.Connection, n_bytes: int, max_bytes: int) -> None:
    """Raise `StorageFull` unless so much more may be kept."""
    jobs = connection.execute("SELECT COALESCE(SUM(held_bytes), 0) FROM jobs").fetchone()[0]
    files = connection.execute("SELECT COALESCE(SUM(n_bytes), 0) FROM files").fetchone()[0]
    if n_bytes and jobs + files + n_bytes > max_bytes:
        raise StorageFull(
            f"No room for {n_bytes} bytes: recordings of jobs and files may take "
            f"{max_bytes // MIB} MiB (max_jobs_mb), and {(jobs + files) // MIB} are taken.",
            retry_after_s=FULL_RETRY_S,
        )


def _too_many(limit: str) -> Overloaded:
    return Overloaded(
        f"{limit}; delete some, or wait until they expire.",
        code="rate_limit_exceeded",
        retry_after_s=FULL_RETRY_S,
    )
