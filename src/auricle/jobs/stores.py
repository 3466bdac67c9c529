"""All that is kept in one folder.

Knows nothing about what is done with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auricle.jobs.batch import BatchStore
from auricle.jobs.database import Database
from auricle.jobs.files import FileStore
from auricle.jobs.folder import Folder
from auricle.jobs.hooks import HookStore
from auricle.jobs.limits import MIB, Limits
from auricle.jobs.readings import Readings
from auricle.jobs.recordings import Recordings
from auricle.jobs.store import JobStore
from auricle.settings.config import Settings


@dataclass(frozen=True, slots=True)
class Stores:
    """One database, and the files beside it."""

    folder: Folder
    database: Database
    jobs: JobStore
    readings: Readings
    recordings: Recordings
    hooks: HookStore
    files: FileStore
    batches: BatchStore

    @classmethod
    def of(
        cls, settings: Settings, folder: Folder, database: Database, clock: Callable[[], float]
    ) -> Stores:
        """Within the limits of the settings; ``clock`` gives seconds since 1970."""
        own = settings.max_jobs_per_client or max(settings.max_jobs // 2, 1)
        limits = Limits(settings.max_jobs, own, settings.max_jobs_mb * MIB)
        jobs = JobStore(database, limits, clock)
        return cls(
            folder,
            database,
            jobs,
            Readings(database, clock),
            Recordings(folder, database, limits.max_bytes),
            HookStore(database, clock),
            FileStore(database, limits, clock),
            BatchStore(database, jobs, clock),
        )
